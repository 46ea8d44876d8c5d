"""A bare torch loop over the films: what a careful user would write by hand, on umbel's own tensors and net.

It knows the seven tasks by name, takes no option, balances nothing, checks nothing, keeps no state. The
net's modules are those of umbel, so that what is compared is the loop around them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.batch import Batch, Ragged
from umbel.tasks import TaskSet

__all__ = ["BareLoop"]

NUMBERS = ("tomatometer", "critic_rating", "metacritic", "box_office")
GRADES = "certificate"
LABELS = "genres"
YES_OR_NO = "oscars"


class BareLoop:
    """Index, forward, masked losses, backward, AdamW.

    :param model: batch -> raw outputs by target.
    :param table: all training rows.
    :param tasks: the films' tasks, fitted: their scales and first cuts are constants here.
    """

    def __init__(
        self, model: nn.Module, table: Batch, tasks: TaskSet, *, rows: int, rate: float, decay: float
    ) -> None:
        self.model, self.size = model, rows
        self.inputs, self.count = dict(table.inputs), len(table)
        self.answers, self.masks = dict(table.targets), {k: w != 0 for k, w in table.weights.items()}
        for name in NUMBERS:  # standardised once, not at each step
            fitted = tasks.target(name).kind.fitted
            self.answers[name] = (self.answers[name] - fitted["loc"]) / fitted["scale"]
        self.answers[LABELS] = self.answers[LABELS].float()
        self.answers[YES_OR_NO] = self.answers[YES_OR_NO].float()
        shares = torch.tensor(tasks.target(GRADES).kind.fitted["shares"], dtype=torch.float64)
        cuts = (shares.clamp(min=1e-3) / shares.clamp(min=1e-3).sum()).cumsum(0)[:-1].logit()
        self.first, self.steps = float(cuts[0]), (cuts.diff() - 1e-3).expm1().log().float()
        parameters = list(model.parameters())
        groups: list[dict[str, Any]] = [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=rate, fused=True)
        self._left: list[Tensor] = []

    def run(self, steps: int) -> None:
        """So many steps, going on where the last call ended."""
        self.model.train()
        for _ in range(steps):
            if not self._left:
                self._left = list(torch.split(torch.randperm(self.count), self.size))
            self.step(self._left.pop())

    def step(self, rows: Tensor) -> None:
        """One update."""
        loss = torch.stack(self.losses(rows)).mean()
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def losses(self, rows: Tensor) -> list[Tensor]:
        """The mean loss over known labels of each task, genres first."""
        inputs = {k: x.take(rows) if isinstance(x, Ragged) else x[rows] for k, x in self.inputs.items()}
        raw = self.model(Batch(inputs, {}, {}, rows))
        known, answer = self.masks[LABELS][rows], self.answers[LABELS][rows]
        nll = functional.binary_cross_entropy_with_logits(raw[LABELS], answer, reduction="none")
        found = [(nll * known).sum() / known.sum().clamp(min=1)]
        for name in NUMBERS:
            known, answer = self.masks[name][rows], self.answers[name][rows]
            mean, noise = raw[name][:, 0], 7 * torch.tanh(raw[name][:, 1] / 7)
            nll = 0.9189385332 + noise + 0.5 * ((answer - mean) * torch.exp(-noise)).square()
            found.append((nll * known).sum() / known.sum().clamp(min=1))
        known, answer = self.masks[GRADES][rows], self.answers[GRADES][rows]
        nll = -self._grades(raw[GRADES]).gather(1, answer[:, None])[:, 0]
        found.append((nll * known).sum() / known.sum().clamp(min=1))
        known, answer = self.masks[YES_OR_NO][rows], self.answers[YES_OR_NO][rows]
        nll = functional.binary_cross_entropy_with_logits(raw[YES_OR_NO][:, 0], answer, reduction="none")
        found.append((nll * known).sum() / known.sum().clamp(min=1))
        return found

    def _grades(self, raw: Tensor) -> Tensor:
        """Log probabilities of ordered grades [B, C]: proportional odds."""
        steps = functional.softplus(raw[:, 2:] + self.steps) + 1e-3
        start = (raw[:, 1] + self.first - raw[:, 0])[:, None]
        below = torch.cat([start, start + steps.cumsum(1)], dim=1)
        upper, lower = functional.logsigmoid(below), functional.logsigmoid(-below)
        middle = upper[:, 1:] + lower[:, :-1] + torch.log(-torch.expm1(-steps))
        return torch.cat([upper[:, :1], middle, lower[:, -1:]], dim=1)
