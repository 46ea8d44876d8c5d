"""Early stopping over several tasks: which epoch each of them is taken from. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from umbel.errors import ConfigError, near

__all__ = ["How", "Stopping"]

How = Literal["restore", "shared", "head", "none"]
"""``restore``: each target's predictions come from the whole model at its best epoch. ``shared``: one
epoch for all, the best by mean relative gain. ``head``: the trunk of that one epoch, and for each target
the state of its head, of all epochs, that does best on this trunk. ``none``: the last epoch."""


class Stopping:
    """Keeps each target's validation losses, and says which epochs count and when to end.

    Epoch 0 is the model before training, which predicts the constants: the relative gain of a target
    is (its loss then - its loss now) / |its loss then|.

    In the rows layout a target's loss is that of all groups' rows together: a group alone has too few
    validation rows to be stopped apart.

    :param targets: the target columns.
    :param how: see ``How``.
    :param patience: end after so many epochs in which no target got better.
    :raises ConfigError: ``how`` is none of those.
    """

    def __init__(self, targets: Sequence[str], how: How = "restore", patience: int = 8) -> None:
        if how not in get_args(How):
            raise ConfigError(
                "early stopping must be one of its ways",
                found=f"'{how}'",
                remedy=near(how, get_args(How)),
            )
        self.targets, self.how, self.patience = tuple(targets), how, patience
        self.curves: dict[str, list[float | None]] = {target: [] for target in targets}
        self.gains: list[float] = []

    @property
    def epochs(self) -> int:
        """Epochs recorded beside epoch 0."""
        return max(0, len(self.gains) - 1)

    def record(self, losses: Mapping[str, float | None]) -> None:
        """Validation losses after an epoch (first of all: before training).

        :param losses: by target; None where validation has no known label.
        """
        for target in self.targets:
            self.curves[target].append(losses[target])
        parts = []
        for curve in self.curves.values():
            first, now = curve[0], curve[-1]
            if first is not None and now is not None:
                parts.append((first - now) / max(abs(first), 1e-12))
        self.gains.append(sum(parts) / len(parts) if parts else 0.0)

    @property
    def judged(self) -> bool:
        """True when any target has a validation loss."""
        return any(value is not None for curve in self.curves.values() for value in curve)

    @property
    def shared(self) -> int:
        """The epoch with the best mean relative gain, from 1; the last where nothing is judged."""
        if self.how == "none" or not self.judged or not self.epochs:
            return self.epochs
        return max(range(1, len(self.gains)), key=lambda epoch: (self.gains[epoch], -epoch))

    @property
    def chosen(self) -> dict[str, int]:
        """The epoch of each target; one without validation labels follows the shared epoch."""
        if self.how != "restore" or not self.epochs:
            return dict.fromkeys(self.targets, self.shared)
        found = {}
        for target, curve in self.curves.items():
            judged = [(value, epoch) for epoch, value in enumerate(curve) if epoch and value is not None]
            found[target] = min(judged)[1] if judged else self.shared
        return found

    @property
    def kept(self) -> set[int]:
        """Epochs whose state must be kept: those chosen so far."""
        return set() if self.how == "none" or not self.epochs else set(self.chosen.values())

    @property
    def done(self) -> bool:
        """True when ``patience`` epochs went by without a new best."""
        if self.how == "none" or not self.judged:
            return False
        return self.epochs - max(self.kept, default=0) >= self.patience

    def state(self) -> dict[str, Any]:
        """Everything recorded, as JSON."""
        return {"curves": self.curves, "gains": self.gains}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` gave."""
        self.curves = {target: list(state["curves"][target]) for target in self.targets}
        self.gains = list(state["gains"])
