"""One of two processes under torchrun: some steps of every balancer, and the parameters into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from safetensors.numpy import save_file

from neural_tables import NUMBERS
from stepping import FRAME, batch_of, dataset, model_for
from umbel.balancing.balancer import BALANCERS, Balancer, Place
from umbel.data.dataset import Dataset
from umbel.data.sampler import Sampler
from umbel.training.distributed import Processes, joined
from umbel.training.prior import Gaussian
from umbel.training.step import step

STEPS = 50


def cases() -> list[tuple[str, Place, str]]:
    """Every balancer, some of them at the parameters too, and two in the rows layout."""
    twice = ("mgda", "upgrad", "gradvac", "gradnorm")  # the others differ in their solver alone
    found: list[tuple[str, Place, str]] = []
    for name in BALANCERS.names():
        features = "features" in BALANCERS.get(name).places
        found.append((name, "features" if features else "parameters", ""))
    found += [(name, "parameters", "") for name in twice]
    return [*found, ("mgda", "features", "school"), ("mgda", "parameters", "school")]


def rows() -> Dataset:
    """Nearly all labels of one target stand in the first rows: one process's shard may have none of it."""
    table = FRAME.copy()
    table.loc[8:, "grade"] = None
    return dataset(table, ("height", "sick", "grade"), columns=NUMBERS)


def trained(name: str, place: Place, by: str, among: Processes) -> dict[str, np.ndarray]:
    """The parameters after some steps on global batches of 16 rows, by name."""
    data = dataset(FRAME, ("height", "sick"), columns=NUMBERS, by=by) if by else rows()
    model = model_for(data)
    batch = batch_of(data, model)
    torch.manual_seed(0)
    balancer: Balancer = BALANCERS.get(name)(len(data.tasks)).double()
    balancer.start(1)
    optimizer = torch.optim.SGD([*model.parameters(), *balancer.parameters()], lr=0.02)
    sampler = Sampler(len(data), 16, 5, rank=among.rank, world=among.world, shuffle=False)
    done = 0
    while done < STEPS:
        for place_of in sampler:
            step(
                model, batch.take(place_of), data.tasks, balancer, Gaussian(1.0), optimizer,
                labels=300.0, gradients=place, held=batch, processes=among, clip=1.0,
            )  # fmt: skip
            done += 1
        if "epoch" in balancer.needs:
            balancer.epoch(torch.ones(len(data.tasks), dtype=torch.float64) / done)
    return {key: value.numpy() for key, value in model.state_dict().items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined() as among:
        assert among.world == 2
        for number, (name, place, by) in enumerate(cases()):
            found = trained(name, place, by, among)
            if among.first:
                save_file(found, f"{sys.argv[1]}/{number}.safetensors")
