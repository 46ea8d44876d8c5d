"""From a dataset to the one large batch that all steps are cut from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from umbel.data.batch import Batch, Input
from umbel.data.dataset import Dataset
from umbel.encoders.space import FeatureSpace
from umbel.tasks import Kind

__all__ = ["encoded", "fitted_space", "labelled", "space_key", "start_of", "tabulate"]

_LATER = ("width", "dropout", "power")
"""Options of encoders that change the parameters, not what is fitted on rows."""


def space_key(
    train: Dataset, options: Mapping[str, Mapping[str, Any]], fused: Mapping[str, Any] | None = None
) -> tuple[str, str]:
    """What a fitted feature space depends on: options, columns and training rows.

    :param fused: how its modalities are fused, see :class:`FeatureSpace`.
    """
    first = {name: {k: v for k, v in chosen.items() if k not in _LATER} for name, chosen in options.items()}
    rows = hashlib.sha256(np.ascontiguousarray(train.rows).tobytes()).hexdigest()
    return json.dumps([first, train.schema.state, fused or {}], sort_keys=True), rows


def fitted_space(
    train: Dataset, options: Mapping[str, Mapping[str, Any]], fused: Mapping[str, Any] | None = None
) -> FeatureSpace:
    """The feature space fitted on the training rows, without parameters yet.

    The fitting is done once for these rows and options, however many learners ask.

    :param options: options by encoder.
    :param fused: how its modalities are fused, see :class:`FeatureSpace`.
    """

    def new() -> FeatureSpace:
        return FeatureSpace(train.schema, options, **(fused or {}))

    def fit() -> dict[str, Any]:
        return new().fit(train.frame(train.schema.names)).state()

    return new().restore(train.cached(("feature space", *space_key(train, options, fused)), fit))


def encoded(rows: Dataset, space: FeatureSpace, key: tuple[str, str] | None) -> Mapping[str, Input]:
    """The inputs of some rows.

    :param key: :func:`space_key` of the space; with it the inputs are made once for these rows.
    """

    def make() -> Mapping[str, Input]:
        return space.transform(rows.frame(rows.schema.names))

    return make() if key is None else rows.cached(("inputs", *key), make)


def tabulate(rows: Dataset, inputs: Mapping[str, Input], dtype: torch.dtype) -> Batch:
    """All rows as one batch.

    :param inputs: as the feature space gave them for these rows.
    :param dtype: float32 or float64, for answers and weights that are no classes.
    """
    targets, weights = {}, {}
    for target in rows.tasks.targets:
        values = torch.from_numpy(np.array(rows.values(target.name)))
        targets[target.name] = values.to(dtype) if values.is_floating_point() else values.long()
        weights[target.name] = torch.from_numpy(np.array(rows.weights(target.name))).to(dtype)
    group = rows.group
    side = {} if group is None else {"group": torch.from_numpy(np.array(group)).long()}
    if rows.schema.table is not None:
        codes = pd.factorize(rows.column(rows.schema.table.name), sort=True)[0]
        side["table"] = torch.from_numpy(codes).long()
    return Batch(inputs, targets, weights, torch.from_numpy(np.array(rows.rows)).long(), side)


def labelled(table: Batch) -> Tensor:
    """Positions of the rows with any known label [B'], long."""
    known = torch.zeros(len(table), dtype=torch.bool)
    for weight in table.weights.values():
        known |= (weight != 0) if weight.ndim == 1 else (weight != 0).flatten(1).any(dim=1)
    return known.nonzero()[:, 0]


def start_of(kind: Kind, values: Tensor, weights: Tensor, *, most: int = 5000) -> Tensor:
    """The raw outputs [width + free] of the best constant prediction, by maximum likelihood.

    A tiny pull to 0 keeps them finite where a class or label never occurs. Of tokens it is the logarithms of
    their shares, [V].

    :param values: known and unknown answers [B, ...].
    :param weights: their weights.
    :param most: look at so many rows at most, evenly spread.
    """
    if kind.response == "sequence":
        shares = kind.constant(values.numpy(), weights.abs().numpy()).value[0]
        return torch.from_numpy(np.log(shares))
    rows = (weights != 0) if weights.ndim == 1 else (weights != 0).flatten(1).any(dim=1)
    place = rows.nonzero()[:, 0]
    place = place[:: -(-len(place) // most) or 1]
    answer, weight = values[place], weights[place].double()
    if answer.is_floating_point():
        answer = answer.double()
    raw = torch.zeros(kind.width + kind.free, dtype=torch.float64, requires_grad=True)
    if not len(place):
        return raw.detach()
    known = weight != 0
    optimizer: torch.optim.Optimizer = torch.optim.LBFGS([raw], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        nll = kind.nll(raw.expand(len(place), -1), answer)
        # of importances of any sign only the size tells how much a label is worth here
        loss = torch.where(known, nll * weight.abs(), 0.0).sum() / known.sum() + 1e-4 * raw.square().sum()
        torch.autograd.backward(loss)
        return float(loss.detach())

    optimizer.step(closure)
    return raw.detach()
