"""One of two processes under torchrun: fits some nets and writes their parameters into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from safetensors.numpy import save_file

from neural_tables import dataset, frame
from umbel.training.distributed import joined
from umbel.training.learners.net import Net

CASES = [("", "adamw"), ("school", "adamw"), ("", "lbfgs"), ("", "curriculum")]


def fitted(by: str, optimizer: str, checkpoint: str | None) -> dict[str, np.ndarray]:
    """The parameters of a net fitted by the processes that are joined, by name."""
    table = frame(90, seed=4, missing=0.5)
    # nearly all labels of one target stand in the first rows: the processes see very unequal numbers
    table.loc[20:, "weight"] = np.nan
    data = dataset(table, ("height", "weight", "sick", "tags"), by=by or None)
    options = {"depth": 2, "balancing": "uncertainty", "pieces": 2, "clip": 0.5, "lr": 1e-2}
    if optimizer == "lbfgs":  # a smooth problem: at a kink a line search turns rounding into another path
        options = {"depth": 0, "embedding": 0, "wide": "all"}
    if optimizer == "curriculum":
        options |= {"curriculum": "quantile", "curriculum_options": {"epochs": 2, "folds": 2}}
        optimizer = "adamw"
    small = {"width": 6, "embedding": 3, "dropout": 0.0, "embedding_dropout": 0.0, "dtype": "float64"}
    run = {"epochs": 3, "batch_size": 32, "stopping": "none", "prior": "gaussian", "every": 2}
    net = Net(**{**small, **run, **options, "optimizer": optimizer, "checkpoint": checkpoint})
    net.fit(data, data.take(np.arange(30)))
    state = next(iter(net.state()["members"][0]["states"].values()))
    return {name: value["__tensor__"] for name, value in state.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined() as among:
        assert among.world == 2
        for number, (by, optimizer) in enumerate(CASES):
            found = fitted(by, optimizer, f"{sys.argv[1]}/checkpoint-{number}")
            if among.first:
                save_file(found, f"{sys.argv[1]}/{number}.safetensors")
