"""Calibration on validation: the raw outputs of a target moved and stretched until they fit best.

A net that has learned enough is often too sure of itself: its outputs spread too widely. Two or three
numbers per target mend that (Platt 1999; Guo et al. 2017), by the kind's own likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from umbel.tasks import Kind

__all__ = ["Calibration", "fit_calibration"]

_SPREAD = 0.5
"""Prior standard deviation of the log of the stretch, and of shifts, against one label's worth of data."""


@dataclass(frozen=True)
class Calibration:
    """raw * scale + shift, by raw output.

    :param scale: [width + free].
    :param shift: [width + free].
    """

    scale: list[float]
    shift: list[float]

    def __call__(self, raw: Tensor) -> Tensor:
        """Calibrated raw outputs, [B, width + free]."""
        return raw * raw.new_tensor(self.scale) + raw.new_tensor(self.shift)


def fit_calibration(kind: Kind, raw: Tensor, target: Tensor, weight: Tensor) -> Calibration | None:
    """The calibration of highest likelihood on some rows, held near none by a weak prior.

    One stretch for all outputs that depend on the row, about their mean; a shift where there is but one
    of them; and a shift of the noise or dispersion of numbers and counts. Fitted by L-BFGS.

    :param raw: [B, width + free].
    :param target: answers [B, ...].
    :param weight: weights of the labels, 0 where unknown.
    :returns: None where no label is known, and for tokens: their raw outputs are log probabilities already.
    """
    if kind.response == "sequence":
        return None
    rows = (weight != 0) if weight.ndim == 1 else (weight != 0).flatten(1).any(dim=1)
    if not rows.any():
        return None
    found, worth = raw[rows].detach().double(), weight[rows].double().abs()
    answer = target[rows].double() if target.is_floating_point() else target[rows]
    known = worth != 0
    numbers = kind.response in ("gaussian", "poisson")
    # of a Gaussian with two outputs per row only the first is a mean
    means = 1 if numbers else kind.width
    stretched = torch.zeros(found.shape[1], dtype=torch.float64)
    stretched[:means] = 1.0
    centre = found.mean(dim=0) * stretched
    moved = torch.zeros(2, found.shape[1], dtype=torch.float64)
    if means == 1:
        moved[0, 0] = 1.0
    if numbers:
        moved[1, means:] = 1.0
    knobs = torch.zeros(3, dtype=torch.float64, requires_grad=True)  # log stretch, shift, noise

    def parts() -> tuple[Tensor, Tensor]:
        scale = 1 + stretched * torch.expm1(knobs[0])
        return scale, (1 - scale) * centre + knobs[1] * moved[0] + knobs[2] * moved[1]

    optimizer: torch.optim.Optimizer = torch.optim.LBFGS(
        [knobs], max_iter=25, tolerance_grad=1e-5, tolerance_change=1e-7, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        optimizer.zero_grad()
        scale, shift = parts()
        nll = torch.where(known, kind.nll(found * scale + shift, answer) * worth, 0.0).sum()
        loss = (nll + knobs.square().sum() / (2 * _SPREAD**2)) / worth.sum()
        torch.autograd.backward(loss)
        return float(loss.detach())

    optimizer.step(closure)
    with torch.no_grad():
        scale, shift = parts()
    if not bool(torch.isfinite(scale).all() & torch.isfinite(shift).all()):
        return None
    return Calibration(scale.tolist(), shift.tolist())
