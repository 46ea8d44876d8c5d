"""A model and some steps of it on the tests' table: float64, no dropout, parameters drawn by name."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neural_tables import dataset, frame
from umbel.balancing.balancer import BALANCERS, Balancer, Place
from umbel.data.batch import Batch
from umbel.data.dataset import Dataset
from umbel.encoders.space import FeatureSpace
from umbel.sharing.model import MultiTaskNet, initialise
from umbel.tasks import TaskSet
from umbel.training.losses import TaskWeighting
from umbel.training.prior import Gaussian
from umbel.training.step import step
from umbel.training.tabulate import tabulate

__all__ = ["ALL", "FRAME", "batch_of", "dataset", "frame", "model_for", "same", "shared", "trained"]

FRAME = frame(90, seed=3)
ALL = ("height", "weight", "sick", "grade", "tags", "visits", "sort")
Outcome = dict[str, Tensor]


def model_for(data: Dataset, sharing: str = "hard") -> MultiTaskNet:
    plain = {
        "numbers": {},
        "names": {"dropout": 0.0, "width": 4},
        "text": {"dropout": 0.0, "width": 4, "least": 2},
    }
    space = FeatureSpace(data.schema, plain).fit(FRAME)
    options = {"width": 6, "depth": 2, "dropout": 0.0}
    model = MultiTaskNet(
        space, data.tasks, sharing=sharing, options=options, wide=("sick", "tags"), group_width=3
    )
    initialise(model, 7)
    return model.double()


def batch_of(data: Dataset, model: MultiTaskNet) -> Batch:
    return tabulate(data, model.space.transform(data.frame(data.schema.names)), torch.float64)


def trained(
    data: Dataset,
    batch: Batch | None = None,
    *,
    tasks: TaskSet | None = None,
    weighting: TaskWeighting = "tasks",
    balancing: str = "equal",
    gradients: Place | None = None,
    sharing: str = "hard",
    steps: int = 3,
    clip: float | None = None,
    pieces: int = 1,
    labels: float = 500.0,
    balancer: Balancer | None = None,
) -> Outcome:
    """Parameters and the first losses after some steps, by name."""
    tasks = tasks or data.tasks
    model = model_for(data, sharing)
    batch = batch or batch_of(data, model)
    balancer = balancer or BALANCERS.get(balancing)(len(tasks)).double()
    place = gradients or ("features" if "features" in balancer.places else "parameters")
    optimizer = torch.optim.Adam([*model.parameters(), *balancer.parameters()], lr=0.01)
    for _ in range(steps):
        told = step(
            model, batch, tasks, balancer, Gaussian(1.0), optimizer,
            labels=labels, weighting=weighting, clip=clip, pieces=pieces, gradients=place, held=batch,
        )  # fmt: skip
    found = {name: p.detach().clone() for name, p in model.named_parameters()}
    for task, loss in zip(tasks.tasks, told.losses, strict=True):
        found[f"loss of {task.name}"] = loss
    return found


def same(one: Outcome, other: Outcome, *, names: Sequence[str] | None = None, atol: float = 1e-10) -> None:
    for name in names if names is not None else one:
        torch.testing.assert_close(other[name], one[name], rtol=0, atol=atol, msg=name)


def shared(one: Outcome, other: Outcome) -> list[str]:
    """Names both have whose shapes agree (the wide part has one table for all targets)."""
    return [n for n in one if n in other and one[n].shape == other[n].shape]
