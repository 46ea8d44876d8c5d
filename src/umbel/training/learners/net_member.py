"""What is kept of a net that was trained: for each target the state of the model it is taken from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from umbel.errors import ConfigError
from umbel.sharing.model import MultiTaskNet
from umbel.training.calibrate import Calibration
from umbel.training.loop import Loop, Snapshot, judge, snapshot

__all__ = ["Member", "chosen_of"]


@dataclass
class Member:
    """One trained net: for each time it was judged that a target is taken from, the state of the model.

    :param states: by time, counted from 1.
    :param chosen: time by target.
    :param calibrations: of the raw outputs, by target; a target without one has none.
    :param valid: validation losses by target, from time 0 (before training) on.
    :param train: training losses by target, from time 1 on.
    """

    states: dict[int, Snapshot]
    chosen: dict[str, int]
    calibrations: dict[str, Calibration]
    valid: dict[str, list[float | None]]
    train: dict[str, list[float]]

    def sound(self, lr: float) -> Member:
        """Itself.

        :param lr: what the error tells of.
        :raises ConfigError: training has diverged: the loss of what is kept is not finite.
        """
        lines = [*self.train.values(), *([v or 0.0 for v in line] for line in self.valid.values())]
        whole = all(v.isfinite().all() for state in self.states.values() for v in state.values())
        if whole and all(np.isfinite(line).all() for line in lines):
            return self
        raise ConfigError(
            "the training of a net must not diverge",
            found=f"losses or parameters that are no longer finite, with lr: {lr:g}",
            remedy="a smaller lr, or clip: 1",
        )

    def state(self) -> dict[str, Any]:
        """All of it; JSON values and tensors."""
        return {
            "states": {str(epoch): dict(state) for epoch, state in self.states.items()},
            "chosen": self.chosen,
            "calibrations": {target: asdict(found) for target, found in self.calibrations.items()},
            "valid": self.valid,
            "train": self.train,
        }

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Member:
        """The member that :meth:`state` told of."""
        states = {int(epoch): dict(found) for epoch, found in state["states"].items()}
        calibrations = {target: Calibration(**found) for target, found in state["calibrations"].items()}
        return Member(states, dict(state["chosen"]), calibrations, dict(state["valid"]), dict(state["train"]))


def chosen_of(loop: Loop) -> Member:
    """What is kept of a loop that is over."""
    stopping = loop.stopping
    chosen = stopping.chosen
    if stopping.how == "none" or not loop.snapshots:
        chosen = dict.fromkeys(chosen, stopping.epochs)
        with loop.averaged():
            states = {stopping.epochs: snapshot(loop.model)}
    elif stopping.how == "head":
        return _best_heads(loop, loop.snapshots[stopping.shared])
    else:
        states = {
            epoch: _only(loop.model, loop.snapshots[epoch], {t for t, e in chosen.items() if e == epoch})
            for epoch in set(chosen.values())
        }
    kept = {
        target: loop.calibrations[epoch][target]
        for target, epoch in chosen.items()
        if target in loop.calibrations.get(epoch, {})
    }
    return Member(states, chosen, kept, stopping.curves, loop.curves)


def _only(model: MultiTaskNet, state: Snapshot, targets: set[str]) -> Snapshot:
    """A snapshot without the heads of other targets."""
    unused = tuple(f"heads.{m}." for t, m in model.targets.items() if t not in targets)
    return {name: value for name, value in state.items() if not name.startswith(unused or ("\0",))}


def _best_heads(loop: Loop, trunk: Snapshot) -> Member:
    """On the trunk of one epoch, each target's head of the epoch that validation likes best."""
    best: dict[str, tuple[float, int, Calibration | None]] = {}
    for epoch, heads in sorted(loop.heads.items()):
        loop.model.load_state_dict({**trunk, **heads})
        losses, found = judge(loop.model, loop.valid, loop.tasks, loop.criterion, loop.calibrate)
        for target, loss in losses.items():
            if loss is not None and (target not in best or loss < best[target][0]):
                best[target] = (loss, epoch, found.get(target))
    state = dict(trunk)
    for target, (_, epoch, _) in best.items():
        prefix = f"heads.{loop.model.targets[target]}."
        state |= {name: v for name, v in loop.heads[epoch].items() if name.startswith(prefix)}
    shared = loop.stopping.shared
    kept = {target: c for target, (_, _, c) in best.items() if c is not None}
    chosen = dict.fromkeys(loop.stopping.targets, shared)
    return Member({shared: state}, chosen, kept, loop.stopping.curves, loop.curves)
