"""MultiMNIST: pairs of overlaid digits, no source image on two sides of the split.

The official test file of MNIST (10,000 images) lies beside the project, never in it. Images 0 to 7999 make
the training and validation pairs, images 8000 to 9999 the test pairs. Each image is the left digit of one
pair and the right digit of one pair of its side.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tables_data import shared_tables
from torch import Tensor
from torch.nn import functional

from umbel.data.batch import Batch
from umbel.seeding import numpy_generator
from umbel.tasks import KINDS, Target, TaskSet

__all__ = ["DIGITS", "Pictures", "digits", "multimnist", "overlay", "pairs", "pictures_folder"]

DIGITS = ("left", "right")
TEST_FROM, VALID, SHIFT = 8000, 1000, 8


@dataclass(frozen=True)
class Pictures:
    """The pairs of one seed.

    :param train, valid, test: images [B, 1, 28, 28] in [0, 1] under the input ``image``, and both digits.
    :param images: the source image of each digit of the test pairs, by task.
    """

    tasks: TaskSet
    train: Batch
    valid: Batch
    test: Batch
    images: dict[str, NDArray[np.int64]]


def pictures_folder() -> Path:
    """``$UMBEL_SHARED/images/mnist`` or ``../shared/data/images/mnist``."""
    return shared_tables().parent / "images" / "mnist"


def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images [10000, 28, 28] in [0, 1], and their digits."""
    pixels = gzip.decompress((pictures_folder() / "t10k-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((pictures_folder() / "t10k-labels-idx1-ubyte.gz").read_bytes())
    images = np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 28, 28)
    return images.astype(np.float32) / np.float32(255), np.frombuffer(labels, np.uint8, offset=8).astype(
        np.int64
    )


def overlay(left: Tensor, right: Tensor) -> Tensor:
    """Two digits [B, 28, 28] as one picture [B, 1, 28, 28].

    The first lies top left, the second bottom right on a canvas of 36 x 36; each pixel is the larger of the
    two; the canvas is then made 28 x 28 (bilinear, antialiased).
    """
    far = (0, SHIFT, 0, SHIFT), (SHIFT, 0, SHIFT, 0)
    canvas = torch.maximum(functional.pad(left, far[0]), functional.pad(right, far[1]))
    return functional.interpolate(canvas[:, None], size=28, mode="bilinear", antialias=True)


def pairs(source: NDArray[np.int64], chance: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    """Each image once left and once right, never with itself: two neighbours of a random ring."""
    ring = chance.permutation(source)
    return ring, np.roll(ring, 1)


def multimnist(seed: int) -> Pictures:
    """The pairs of one seed: it draws the validation images, and who is paired with whom.

    :raises FileNotFoundError: the folder does not have the files.
    """
    images, labels = digits()
    chance = numpy_generator(seed, "multimnist")
    known = chance.permutation(TEST_FROM)
    sides = {
        "train": known[VALID:],
        "valid": known[:VALID],
        "test": np.arange(TEST_FROM, len(images)),
    }
    batches: dict[str, Batch] = {}
    last: dict[str, NDArray[np.int64]] = {}
    pixels = torch.from_numpy(images)
    for side, source in sides.items():
        pair = dict(zip(DIGITS, pairs(source, chance), strict=True))
        count, last = len(source), pair
        batches[side] = Batch(
            {"image": overlay(pixels[pair["left"]], pixels[pair["right"]])},
            {digit: torch.from_numpy(labels[pair[digit]]) for digit in DIGITS},
            {digit: torch.ones(count) for digit in DIGITS},
            torch.arange(count),
        )
    targets = []
    for digit in DIGITS:
        kind = KINDS.get("multiclass")()
        kind.fit(pd.Series(batches["train"].targets[digit].numpy()))
        targets.append(Target(digit, kind))
    return Pictures(TaskSet(tuple(targets)), images=last, **batches)
