"""Cells that hold a set of labels: delimited text, lists, or a 0/1 for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.errors import KindError
from umbel.tasks.cells import bad_cells, key_of
from umbel.tasks.parts import empty_cell, read_parts

__all__ = ["LabelSets", "read_label_sets"]


@dataclass(frozen=True)
class LabelSets:
    """The labels of each row, as pairs.

    :param labels: all labels seen, in the order in which they are seen.
    :param rows: row of each pair, [M].
    :param codes: index in ``labels`` of each pair, [M].
    :param known: [B] rows whose set is known, or [B, L] where each label may be unknown on its own.
    """

    labels: list[str]
    rows: NDArray[np.int64]
    codes: NDArray[np.int64]
    known: NDArray[np.bool_]

    def table(self, labels: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """0 and 1, and what is known, for some labels: [B, L] each. Other labels are left out."""
        places = {label: j for j, label in enumerate(labels)}
        place = np.array([places.get(label, -1) for label in self.labels] + [-1])[self.codes]
        held = place >= 0
        values = np.zeros((len(self.known), len(labels)), dtype=np.int64)
        values[self.rows[held], place[held]] = 1
        if self.known.ndim == 1:
            return values, np.repeat(self.known[:, None], len(labels), axis=1)
        own = {label: j for j, label in enumerate(self.labels)}
        known = np.zeros(values.shape, dtype=np.bool_)
        for j, label in enumerate(labels):
            if label in own:
                known[:, j] = self.known[:, own[label]]
        return values, known


def read_label_sets(column: pd.Series, separator: str, *, empty: str = "missing") -> LabelSets:
    """The labels of each cell.

    :param column: delimited text, lists (or sets, tuples, arrays) of labels, or ``{label: 0/1/None}``;
        None and NaN are missing.
    :param separator: between labels of a text; blanks around labels do not matter.
    :param empty: ``"missing"`` or ``"none"``: an empty text or list is unknown, or has no label.
    :raises KindError: a cell is of another form, or a joined column holds other numbers than 0 and 1.

    >>> sets = read_label_sets(pd.Series(["war, love", "love", None]), ", ")
    >>> sets.labels, sets.rows, sets.codes, sets.known
    (['war', 'love'], array([0, 0, 1]), array([0, 1, 1]), array([ True,  True, False]))
    """
    if pd.api.types.is_object_dtype(column.dtype):
        first = next((cell for cell in column if not empty_cell(cell)), "")
        if isinstance(first, Mapping):
            return _from_columns(column)
        if not isinstance(first, str):
            return _from_lists(column, empty)
    return _from_text(column, separator.strip() or separator, empty)


def _from_text(column: pd.Series, separator: str, empty: str) -> LabelSets:
    try:
        codes, uniques = pd.factorize(column)
    except TypeError:  # a list among texts
        odd = [i for i, cell in enumerate(column) if not isinstance(cell, str) and not empty_cell(cell)]
        raise _odd(column, odd) from None
    texts = uniques.tolist()
    if not all(isinstance(text, str) for text in texts):
        strange = [i for i, text in enumerate(texts) if not isinstance(text, str)]
        raise _odd(column, np.flatnonzero(np.isin(codes, strange)))
    places: dict[str, int] = {}
    cut = [
        [places.setdefault(name, len(places)) for part in text.split(separator) if (name := part.strip())]
        for text in texts
    ]
    lengths = np.array([len(names) for names in cut] + [0], dtype=np.int64)  # the last is missing
    starts = np.concatenate([[0], np.cumsum(lengths[:-1])])
    flat = np.array([code for names in cut for code in names], dtype=np.int64)
    count = lengths[codes]
    rows = np.repeat(np.arange(len(codes)), count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    known = (codes >= 0) if empty == "none" else count > 0
    return LabelSets(list(places), rows, flat[np.repeat(starts[codes], count) + within], known)


def _from_lists(column: pd.Series, empty: str) -> LabelSets:
    places: dict[str, int] = {}
    rows: list[int] = []
    codes: list[int] = []
    known = np.zeros(len(column), dtype=np.bool_)
    for i, cell in enumerate(column):
        if empty_cell(cell):
            known[i] = empty == "none" and isinstance(cell, str)
            continue
        if isinstance(cell, Mapping) or not isinstance(cell, list | tuple | set | frozenset | np.ndarray):
            raise _odd(column, [i])
        names = [key_of(name) for name in cell if not empty_cell(name)]
        known[i] = bool(names) or empty == "none"
        rows.extend([i] * len(names))
        codes.extend(places.setdefault(name, len(places)) for name in names)
    return LabelSets(list(places), np.array(rows, dtype=np.int64), np.array(codes, dtype=np.int64), known)


def _from_columns(column: pd.Series) -> LabelSets:
    labels, parts = read_parts(column, None, "multilabel")
    known = ~np.isnan(parts)
    bad = np.flatnonzero((known & (parts != 0) & (parts != 1)).any(axis=1))
    if len(bad):
        raise KindError(
            "columns of a multilabel target must hold 0 or 1",
            found=bad_cells(column, bad),
            remedy="mend or empty these cells, or make each column a target of its own",
        )
    rows, codes = np.nonzero(parts == 1)
    return LabelSets(labels, rows, codes, known)


def _odd(column: pd.Series, positions: NDArray[Any] | Sequence[int]) -> KindError:
    return KindError(
        "each cell of a multilabel target must be delimited text, a list, or 0/1 for each label",
        found=bad_cells(column, positions),
        remedy="give the target another kind (multiclass, regression), or mend these cells",
    )
