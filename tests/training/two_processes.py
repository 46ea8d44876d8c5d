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

CASES = [("", "adamw"), ("school", "adamw"), ("", "lbfgs")]


def fitted(by: str, optimizer: str, checkpoint: str | None) -> dict[str, np.ndarray]:
    """The parameters of a net fitted by the processes that are joined, by name."""
    table = frame(90, seed=4, missing=0.5)
    # nearly all labels of one target stand in the first rows: the processes see very unequal numbers
    table.loc[20:, "weight"] = np.nan
    data = dataset(table, ("height", "weight", "sick", "tags"), by=by or None)
    # a line search doubles rounding errors every few iterations: L-BFGS gets 20 of them
    epochs = 1 if optimizer == "lbfgs" else 3
    net = Net(
        width=6, embedding=3, depth=2, dropout=0.0, embedding_dropout=0.0, dtype="float64", epochs=epochs,
        batch_size=32, lr=1e-2, prior="gaussian", balancing="uncertainty", clip=0.5, pieces=2,
        optimizer=optimizer, stopping="none", checkpoint=checkpoint, every=2,
    )  # fmt: skip
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
