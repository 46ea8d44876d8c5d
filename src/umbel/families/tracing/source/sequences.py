"""Batches of students of like length: little padding where half of them have a few answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.data.batch import Batch
from umbel.errors import ConfigError
from umbel.families.tracing.source.codes import Coded
from umbel.families.tracing.source.log import AnswerLog
from umbel.seeding import numpy_generator

__all__ = ["Sequences", "Window"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """A part of a student's answers that goes through a network at once.

    :param start: number of its first step in the log.
    :param context: steps at its begin that were scored in the window before.
    :param stop: one past its last step.
    """

    start: int
    context: int
    stop: int


@dataclass(frozen=True)
class Sequences:
    """A log ready for a network: every step is scored in exactly one batch.

    A batch's inputs, all [B, T]: ``question``, ``correct`` (the answers themselves: a network must shift
    them), ``concepts`` [B, T, K] filled with 0, ``features`` [B, T, F] and ``about`` [B, T, A] where there
    are any; its targets and weights [B, T] by task: 1 is an answer to score, 0 padding, context, or an
    unknown label; its rows are the numbers of the students. Steps that are padding have question 0, no
    concepts and weight 0.

    :param log: the answers.
    :param coded: the same in the model's numbers.
    :param features: numbers per step that owe nothing to the step's own answer, [N, F].
    :param targets: answers by task, [N], NaN unknown; ``correct`` is always one.
    :param tokens: steps of a batch at most, padding included (a longer student is alone).
    :param longest: steps of a window at most; None for whole students.
    :param context: steps of a window that repeat the window before, so that none is forecast from nothing.
    :param about: attributes of questions, rows of numbers [M, A], and the row of each step, [N].
    :raises ConfigError: a window repeats all of its steps.
    """

    log: AnswerLog
    coded: Coded
    features: NDArray[np.float32] | None = None
    targets: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    tokens: int = 4096
    longest: int | None = None
    context: int = 0
    about: tuple[NDArray[np.float32], Ints] | None = None

    def __post_init__(self) -> None:
        if self.longest is not None and not 0 <= self.context < self.longest:
            raise ConfigError(
                "a window repeats fewer steps than it has",
                found=f"{self.context} of {self.longest}",
                remedy="a context below 'longest'",
            )

    def windows(self) -> list[Window]:
        """Parts of all students, by student; the first has no context, so all its steps are scored there."""
        found = []
        for start, stop in zip(self.log.offsets[:-1].tolist(), self.log.offsets[1:].tolist(), strict=True):
            scored = start  # where what no window has scored yet begins
            while scored < stop:
                context = 0 if scored == start else self.context
                end = stop if self.longest is None else min(scored - context + self.longest, stop)
                found.append(Window(scored - context, context, end))
                scored = end
        return found

    def plan(self, seed: int | None = None) -> list[list[Window]]:
        """Which windows go together: neighbours in length, then the batches in random order.

        :param seed: of the order and of ties; None for the order of length.
        """
        windows = self.windows()
        lengths = np.array([w.stop - w.start for w in windows])
        order = np.argsort(lengths, kind="stable")
        chance = None if seed is None else numpy_generator(seed, "sequences")
        if chance is not None:  # neighbours change from epoch to epoch: lengths are jittered
            order = np.argsort(lengths * chance.uniform(0.9, 1.1, len(lengths)), kind="stable")
        groups: list[list[Window]] = []
        for place in order:
            now = groups[-1] if groups else []
            wide = max([w.stop - w.start for w in now] + [int(lengths[place])])
            if not now or wide * (len(now) + 1) > self.tokens:
                groups.append(now := [])
            now.append(windows[place])
        if chance is not None:
            groups = [groups[i] for i in chance.permutation(len(groups))]
        return groups

    def batch(self, windows: list[Window]) -> tuple[Batch, Tensor]:
        """The windows as one batch, and the number of each place's step, [B, T], -1 where none is scored."""
        lengths = np.array([w.stop - w.start for w in windows])
        wide = int(lengths.max())
        starts = np.array([w.start for w in windows])
        step = starts[:, None] + np.arange(wide)
        there = np.arange(wide) < lengths[:, None]
        scored = there & (np.arange(wide) >= np.array([w.context for w in windows])[:, None])
        step = np.where(there, step, 0)
        inputs = {
            "question": torch.from_numpy(np.where(there, self.coded.question[step], 0)),
            "concepts": torch.from_numpy(
                np.where(there[..., None], self.coded.table[self.coded.sets[step]], 0)
            ),
            "correct": torch.from_numpy(np.where(there, self.log.correct[step], 0.0).astype(np.float32)),
        }
        if self.features is not None:
            inputs["features"] = torch.from_numpy(np.where(there[..., None], self.features[step], 0.0))
        if self.about is not None:
            table, row = self.about
            inputs["about"] = torch.from_numpy(np.where(there[..., None], table[row[step]], np.float32(0)))
        targets, weights = {}, {}
        for name, values in {"correct": self.log.correct, **self.targets}.items():
            value = values[step]
            known = scored & ~np.isnan(value)
            targets[name] = torch.from_numpy(np.where(known, value, 0.0).astype(np.float32))
            weights[name] = torch.from_numpy(known.astype(np.float32))
        rows = torch.from_numpy(self.log.student[starts])
        return Batch(inputs, targets, weights, rows), torch.from_numpy(np.where(scored, step, -1))

    def batches(self, seed: int | None = None) -> Iterator[tuple[Batch, Tensor]]:
        """All batches of one pass."""
        for windows in self.plan(seed):
            yield self.batch(windows)
