"""What a fit's task gradients looked like, epoch by epoch: kept beside the fit, never part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from umbel.balancing.balancer import Balancer, Place
from umbel.balancing.diagnostics import conflict_share, cosine_matrix, gradient_norms
from umbel.data.batch import Batch
from umbel.seeding import torch_generator
from umbel.sharing.model import MultiTaskNet
from umbel.tasks import TaskSet
from umbel.training.losses import TaskWeighting
from umbel.training.probe import Probe
from umbel.training.pulling.plain import pull_plain
from umbel.training.step import Told, pull_of

__all__ = ["MOST", "Diagnosis", "diagnosis_of", "looked_at"]

MOST = 50
"""Tasks beyond which nothing is kept: every fit's notes hold matrices of them."""
_MOST_AFFINE = 20
"""Tasks beyond which there is no affinity: it takes a step for each of them."""
_LOOKAHEADS = 5
"""Epochs after which affinity is measured."""
_MOST_ROWS = 1024
"""Rows of the probe at most, where a batch has more (L-BFGS sees all rows at once)."""


def looked_at(epochs: int, most: int = _LOOKAHEADS) -> list[int]:
    """Epochs, from 1, after which the costly things are measured: one in four at most, spread over the
    fit, the first among them, as a fit may stop early.

    >>> looked_at(20), looked_at(5)
    ([1, 5, 9, 13, 17], [1, 3])
    """
    count = min(most, -(-epochs // 4))
    return [1 + k * epochs // count for k in range(count)]


class _Mean:
    """A running mean of tensors, place by place; NaN counts for nothing."""

    def __init__(self, *shape: int) -> None:
        self.sums = torch.zeros(2, *shape, dtype=torch.float64)  # totals, and how many

    def add(self, values: Tensor) -> None:
        known = torch.isfinite(values)
        self.sums[0] += torch.where(known, values, 0.0)
        self.sums[1] += known

    @property
    def value(self) -> Tensor:
        """NaN where nothing was added."""
        return self.sums[0] / self.sums[1]


class Diagnosis:
    """Weights, cosines, conflicts, lengths and affinities of P tasks while they are learned together.

    Of each epoch it keeps the mean weight that the balancer gave each task, over the steps in which the
    task was present; the share of pairs whose gradients conflict; and the length of each gradient. A
    balancer that looks at a Gramian has taken one in each step: of those the epoch's mean is kept. For any
    other balancer one is taken after the epoch, by a probe. After at most five epochs the probe also
    measures affinities (see :meth:`~umbel.training.probe.Probe.affinity`).

    :param names: of the tasks, P.
    :param epochs: of the fit, at most.
    :param place: where the steps take their Gramian; None where they take none.
    :param probe: looks at the model; None on a process that leaves that to the first one.
    :param affine: whether affinities are measured.
    """

    def __init__(
        self,
        names: Sequence[str],
        epochs: int,
        *,
        place: Place | None = None,
        probe: Probe | None = None,
        affine: bool = True,
    ) -> None:
        self.names, self.place, self.probe = list(names), place, probe
        self._due = looked_at(epochs) if affine and len(names) <= _MOST_AFFINE else []
        size = len(self.names)
        self._epoch = self._fresh()
        self._cosines, self._affinity = _Mean(size, size), _Mean(size, size)
        self.affinity_epochs: list[int] = []
        self.weights: list[list[float]] = []
        self.norms: list[list[float]] = []
        self.conflicts: list[float] = []

    def _fresh(self) -> dict[str, _Mean]:
        size = len(self.names)
        return {
            "weights": _Mean(size),
            "norms": _Mean(size),
            "cosines": _Mean(size, size),
            "conflicts": _Mean(),
        }

    def step(self, told: Told) -> None:
        """Take in what a step tells of itself; one that was left out tells nothing."""
        if told.skipped:
            return
        present = (told.counts > 0).cpu()
        self._epoch["weights"].add(_where(present, told.weights))
        if told.gram is not None:
            self._see(told.gram.cpu(), present)

    def end_epoch(self, epoch: int) -> None:
        """Close an epoch, and look at the model.

        :param epoch: epochs that are over.
        """
        if self.probe is not None and self.place is None:
            gram = self.probe.gram()
            if gram is not None:
                self._see(gram.cpu(), self.probe.present.cpu())
        if self.probe is not None and epoch in self._due:
            affinity = self.probe.affinity()
            if affinity is not None:
                self._affinity.add(affinity.cpu())
                self.affinity_epochs.append(epoch)
        self._cosines.add(self._epoch["cosines"].value)
        self.weights.append(self._epoch["weights"].value.tolist())
        self.norms.append(self._epoch["norms"].value.tolist())
        self.conflicts.append(float(self._epoch["conflicts"].value))
        self._epoch = self._fresh()

    def _see(self, gram: Tensor, present: Tensor) -> None:
        cosines = cosine_matrix(gram)
        if self.place in (None, "features"):
            # exactly 0: no row of this batch knows both tasks, so at the features they never meet
            cosines = torch.where(gram == 0, torch.nan, cosines)
        self._epoch["norms"].add(_where(present, gradient_norms(gram)))
        self._epoch["cosines"].add(cosines)
        share = conflict_share(cosines)
        self._epoch["conflicts"].add(torch.tensor(torch.nan if share is None else share))

    @property
    def told(self) -> dict[str, Any]:
        """All of it as JSON, to four digits; None where undefined.

        ``tasks`` names them. By task and epoch: ``weights``, ``norms``. By epoch: ``conflicts``. Means
        over the epochs: ``cosines`` and ``affinity``, [P, P] each, None where there is no pair;
        ``affinity_epochs`` says over which. ``place`` is where the gradients were taken.
        """
        return {
            "tasks": self.names,
            "place": self.place or "features",
            "cosines": _pairs(self._cosines.value),
            "conflicts": [_short(v) for v in self.conflicts],
            "norms": self._by_task(self.norms),
            "weights": self._by_task(self.weights),
            "affinity": _pairs(self._affinity.value),
            "affinity_epochs": self.affinity_epochs,
        }

    def _by_task(self, lines: Sequence[Sequence[float]]) -> dict[str, list[float | None]]:
        return {name: [_short(line[p]) for line in lines] for p, name in enumerate(self.names)}

    def state(self) -> dict[str, Any]:
        """All that it has seen, also of an epoch that is not over."""
        return {
            "epoch": {name: mean.sums for name, mean in self._epoch.items()},
            "cosines": self._cosines.sums,
            "affinity": self._affinity.sums,
            "affinity_epochs": self.affinity_epochs,
            "weights": self.weights,
            "norms": self.norms,
            "conflicts": self.conflicts,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` gave."""
        for name, mean in self._epoch.items():
            mean.sums.copy_(state["epoch"][name])
        self._cosines.sums.copy_(state["cosines"])
        self._affinity.sums.copy_(state["affinity"])
        self.affinity_epochs = [int(epoch) for epoch in state["affinity_epochs"]]
        self.weights = [list(line) for line in state["weights"]]
        self.norms = [list(line) for line in state["norms"]]
        self.conflicts = list(state["conflicts"])


def diagnosis_of(
    model: MultiTaskNet,
    tasks: TaskSet,
    table: Batch,
    rows: Tensor,
    balancer: Balancer,
    gradients: Place,
    *,
    epochs: int,
    batch_size: int,
    rate: float | None,
    weighting: TaskWeighting,
    seed: int,
    first: bool,
) -> Diagnosis | None:
    """The diagnosis of a fit that is about to begin; None for one task, or more than :data:`MOST`.

    :param table: the training rows.
    :param rows: positions of those that may be looked at.
    :param gradients: where the balancer's gradients are taken, if it looks at them.
    :param batch_size: rows of a step; the probe has as many, at most 1024.
    :param rate: the optimiser's learning rate; None where it has none that a plain step could take.
    :param seed: draws the probe's rows; nothing else of the fit depends on it.
    :param first: whether this process is the first: only that one looks at rows of its own.
    """
    if not 2 <= len(tasks) <= MOST:
        return None
    probe = None
    if first:
        chance = torch_generator(seed, "diagnose")
        drawn = rows[torch.randperm(len(rows), generator=chance)[: min(batch_size, _MOST_ROWS)]]
        batch = table.take(drawn).to(next(model.parameters()).device)
        probe = Probe(model, tasks, batch, weighting, rate or 0.0)
    place = None if pull_of(balancer, gradients) is pull_plain else gradients
    names = [task.name for task in tasks.tasks]
    return Diagnosis(names, epochs, place=place, probe=probe, affine=rate is not None)


def _where(present: Tensor, values: Tensor) -> Tensor:
    return torch.where(present, values.detach().cpu().double(), torch.nan)


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if abs(value) < torch.inf else None


def _pairs(matrix: Tensor) -> list[list[float | None]] | None:
    """A matrix as JSON; None where no two tasks have a value."""
    apart = ~torch.eye(len(matrix), dtype=torch.bool)
    if not torch.isfinite(matrix[apart]).any():
        return None
    return [[_short(v) for v in row] for row in matrix.tolist()]
