"""Attributes of questions as numbers: a design matrix fitted on training questions, wide parts reduced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from umbel.data.cells import blank, clean
from umbel.data.dataset import Dataset
from umbel.data.infer import infer_column
from umbel.data.read import check_columns, take_column
from umbel.data.schema import Column, Schema
from umbel.encoders.design import DesignMatrix
from umbel.errors import DataError
from umbel.families.tracing.source.log import AnswerLog
from umbel.tasks import TaskSet

__all__ = ["MOST", "Attributes"]

Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]

MOST = 32
"""Numbers that a text, a set, a category of many levels, or all number columns together become at most."""
EACH = 4
"""Questions that each number of a reduced part needs at least: fewer would be learned by heart."""


@dataclass(frozen=True)
class _Part:
    """Some columns of the design matrix, centred; reduced and brought to one spread where they are many.

    :param start, stop: the columns.
    :param axes: [D, K] of the reduced ones, None where they stay as they are.
    :param centre: [K], subtracted at the end.
    """

    start: int
    stop: int
    axes: NDArray[np.float64] | None
    centre: NDArray[np.float64]

    def __call__(self, design: Any) -> NDArray[np.float64]:
        """[B, K] of the whole design matrix [B, all]."""
        own = design[:, self.start : self.stop]
        found = own @ self.axes if self.axes is not None else own.toarray() if sparse.issparse(own) else own
        return np.asarray(found, dtype=np.float64) - self.centre

    @staticmethod
    def of(design: Any, start: int, stop: int, seed: int) -> _Part:
        """From the training questions' matrix."""
        own = design[:, start:stop]
        axes = None
        if stop - start > MOST:
            from sklearn.decomposition import TruncatedSVD

            count = max(1, min(MOST, own.shape[0] // EACH))
            axes = TruncatedSVD(count, random_state=seed, n_iter=5).fit(own).components_.T
            spread = np.asarray(own @ axes).std(axis=0)
            kept = spread > 1e-3 * spread.max(initial=1e-12)
            axes = axes[:, kept] / spread[kept]
        plain = _Part(start, stop, axes, np.zeros(1))
        return _Part(start, stop, axes, plain(design).mean(axis=0))


@dataclass(frozen=True)
class Attributes:
    """What is known about questions, as A numbers each, fitted on the questions of a training log.

    Types of columns are inferred, and the design matrix of the classical learners is fitted
    (:class:`~umbel.encoders.design.DesignMatrix`); of it, what is wider than 32 columns (words, names, many
    levels, many numbers) becomes at most 32 numbers by a truncated singular value decomposition (Deerwester
    et al. 1990), at most a quarter as many as there are training questions. All are centred: a question of
    which nothing is known, without a row, has zeros, the training questions' mean.

    A question of training keeps the numbers it had there, whatever another log says of it; one that training
    did not see has those that the log at hand tells.

    :param questions: names of the Q training questions, whose numbers are 1 to Q.
    :param known: their attributes, row 0 is zeros, [Q + 1, A].
    :param design: the fitted matrix, with its columns' types.
    :param parts: how its columns become the A numbers.
    :param left_out: by column, why it tells nothing.
    """

    questions: tuple[str, ...]
    known: Floats32
    design: DesignMatrix
    parts: Sequence[_Part]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(log: AnswerLog, questions: tuple[str, ...], *, seed: int = 0) -> Attributes:
        """From a training log that has attributes.

        :param questions: names of the questions that occur in its steps.
        :raises DataError: no question has a row, or no column tells anything.
        """
        assert log.about is not None
        there = log.about.index.get_indexer(pd.Index(questions, dtype=object))
        if not (there >= 0).any():
            raise DataError(
                "attributes are fitted on the questions of the training students",
                found="none of them has a row",
                remedy="give rows of these questions, or a log without attributes",
            )
        rows = there[there >= 0]
        frame = _named(log.about.iloc[rows])
        columns, left_out = [], {}
        for name in frame.columns:
            found = infer_column(blank(frame[name]).reset_index(drop=True))
            if found.type is None:
                left_out[str(name)] = found.reason
            else:
                columns.append(Column(str(name), found.type, found.separator))
        design = DesignMatrix(Schema(tuple(columns)))
        matrix = _matrix(design.fit(_dataset(frame, design.schema)), frame) if columns else None
        if matrix is None or matrix.shape[1] == 0:
            raise DataError(
                "at least one column must tell something about the questions",
                found="; ".join(f"'{name}': {why}" for name, why in left_out.items())
                or "words and names that come too seldom",
                remedy="give other columns, or a log without attributes",
            )
        ends = np.cumsum([0, *(len(block.names) for block in design.blocks)]).tolist()
        spans = [(a, b) for a, b in pairwise(ends) if b > a]
        parts = tuple(_Part.of(matrix, a, b, seed) for a, b in spans)
        told = _joined(parts, matrix)
        known = np.zeros((len(questions) + 1, told.shape[1]), dtype=np.float32)
        known[1 + np.flatnonzero(there >= 0)] = told
        return Attributes(questions, known, design, parts, left_out)

    @property
    def width(self) -> int:
        """A."""
        return int(self.known.shape[1])

    @property
    def words(self) -> dict[str, Any]:
        """What the columns were taken for, JSON."""
        return {
            "inputs": {c.name: c.type for c in self.design.schema.columns},
            "left out": dict(self.left_out),
            "numbers": self.width,
        }

    def __call__(self, log: AnswerLog, question: Ints) -> tuple[Floats32, Ints]:
        """Attributes of each step's question.

        :param question: number of each step's question, [N], 0 for one that training did not see.
        :returns: rows of numbers [M, A], and the row of each step, [N].
        """
        if log.about is None:
            return self.known, question
        new = np.unique(log.question[(question == 0) & (log.question >= 0)])
        there = log.about.index.get_indexer(pd.Index([log.questions[i] for i in new], dtype=object))
        new, there = new[there >= 0], there[there >= 0]
        if not len(new):
            return self.known, question
        frame = _named(log.about.iloc[there])
        table = np.concatenate([self.known, _joined(self.parts, _matrix(self.design, frame))])
        place = np.zeros(len(log.questions) + 1, dtype=np.int64)  # the last is for steps without a name
        place[new] = len(self.known) + np.arange(len(new))
        return table, np.where(question > 0, question, place[log.question])

    @property
    def state(self) -> dict[str, Any]:
        """All of it as JSON and arrays."""
        parts = [{"start": p.start, "stop": p.stop, "axes": p.axes, "centre": p.centre} for p in self.parts]
        return {
            "known": self.known,
            "schema": self.design.schema.state,
            "design": self.design.state(),
            "parts": parts,
            "left_out": dict(self.left_out),
        }

    @staticmethod
    def from_state(state: Mapping[str, Any], questions: tuple[str, ...]) -> Attributes:
        """What :attr:`state` tells of.

        :param questions: names of the training questions.
        """
        parts = tuple(
            _Part(
                int(p["start"]),
                int(p["stop"]),
                None if p["axes"] is None else np.asarray(p["axes"]),
                np.asarray(p["centre"]),
            )
            for p in state["parts"]
        )
        design = DesignMatrix.restore(Schema.from_state(state["schema"]), state["design"])
        return Attributes(questions, np.asarray(state["known"]), design, parts, dict(state["left_out"]))


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with plain names of columns."""
    check_columns(list(frame.columns))
    return frame.set_axis(list(map(str, frame.columns)), axis=1)


def _dataset(frame: pd.DataFrame, schema: Schema) -> Dataset:
    """Rows of attributes in the plain form of their types."""
    folder = Path(frame.attrs["folder"]) if "folder" in frame.attrs else None
    cells = {
        c.name: clean(take_column(frame, c.name, "attribute").reset_index(drop=True), c, (), folder)
        for c in schema.columns
    }
    everyone = np.arange(len(frame), dtype=np.int64)
    return Dataset(pd.DataFrame(cells), schema, TaskSet(()), everyone, {}, everyone)


def _matrix(design: DesignMatrix, frame: pd.DataFrame) -> Any:
    return design.transform(_dataset(frame, design.schema))


def _joined(parts: Sequence[_Part], matrix: Any) -> Floats32:
    return np.concatenate([part(matrix) for part in parts], axis=1).astype(np.float32)
