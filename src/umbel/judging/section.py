"""What strategies and families report: plain data that the app renders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Figure", "Section", "Series", "TableData"]


@dataclass(frozen=True)
class TableData:
    """A table: columns, and rows of text or numbers (None is an empty cell).

    :param caption: what is to be seen in it.
    """

    columns: list[str]
    rows: list[list[Any]]
    caption: str = ""


@dataclass(frozen=True)
class Series:
    """One curve, set of bars or points of a figure.

    :param x: [B] numbers or labels.
    :param y: [B] numbers.
    :param low, high: [B] ends of intervals, where there are any.
    """

    name: str
    x: list[Any] | NDArray[Any]
    y: list[float] | NDArray[np.float64]
    low: list[float] | NDArray[np.float64] | None = None
    high: list[float] | NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Figure:
    """A figure as data.

    :param kind: ``lines``, ``intervals`` (points with whiskers against labels, 0 marked),
        ``bars``, ``heat`` (``matrix`` with ``labels``), ``calibration`` (diagonal marked).
    :param matrix: [R, C] for ``heat``.
    :param labels: row labels and column labels for ``heat``.
    """

    kind: Literal["lines", "intervals", "bars", "heat", "calibration"]
    title: str
    series: list[Series] = field(default_factory=list)
    matrix: NDArray[np.float64] | None = None
    labels: tuple[list[str], list[str]] | None = None
    x_label: str = ""
    y_label: str = ""
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a report.

    :param title: its heading.
    :param text: paragraphs.
    """

    title: str
    text: list[str] = field(default_factory=list)
    tables: list[TableData] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
