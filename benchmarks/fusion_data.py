"""AV-MNIST with a typed word: an image, a spoken digit and its name with typing errors, all poor witnesses.

Images are reduced to 4 principal components (of the training images) and drawn again from them; the log-mel
values of a recording (20 steps of 33 bands) get Gaussian noise of 3 standard deviations; each letter of the
digit's name is replaced with probability .6. The three of a row share the digit. Images 0 to 6999 and the
official training recordings make the training and validation rows, images 7000 to 9999 and the official test
recordings the test rows. The data lies beside the project, never in it.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import soundfile
import torch
from multimnist_data import digits, overlay, pairs
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from tables_data import shared_tables

from umbel.data.split import Split
from umbel.encoders.sound_net import evenly
from umbel.encoders.spectra import LogMel
from umbel.seeding import numpy_generator

__all__ = ["Witnesses", "positions", "witnesses"]

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEST_FROM, VALID, STEPS, BANDS = 7000, 1000, 20, 33
NOISE, WRONG = 3.0, 0.6

Array = NDArray[Any]


@dataclass(frozen=True)
class Witnesses:
    """The rows of one seed.

    :param table: image [28, 28] bytes, sound [20, 33] log-mel, typed, digit; one row per image.
    :param split: its training, validation and test rows.
    :param recording: the recording of each row: rows that share one are no independent witnesses.
    """

    table: pd.DataFrame
    split: Split
    recording: NDArray[np.int64]


def recordings() -> tuple[Array, pd.DataFrame]:
    """Log-mel values [3000, 20, 33] of all recordings, and the index with digit and official side.

    :raises FileNotFoundError: the folder is not there.
    """
    folder = shared_tables().parent / "audio" / "fsdd"
    index = pd.read_csv(folder / "index.csv")
    samples, rate = soundfile.read(folder / "recordings.flac", dtype="float32")
    mel = LogMel(rate=rate, bands=BANDS)
    found = np.empty((len(index), STEPS, BANDS), dtype=np.float32)
    for row, (start, length) in enumerate(zip(index["start"], index["length"], strict=True)):
        steps = mel(torch.from_numpy(samples[start : start + length]))
        found[row] = evenly(steps[None], torch.tensor([len(steps)]), STEPS)[0].numpy()
    return found, index


def reduced(images: Array) -> Array:
    """Images [B, 28, 28] in [0, 1] as 4 principal components leave them, bytes."""
    flat = images.reshape(len(images), -1)
    pca = PCA(4, random_state=0).fit(flat[:TEST_FROM])
    drawn = pca.inverse_transform(pca.transform(flat)).reshape(images.shape)
    return (np.clip(drawn, 0, 1) * 255).round().astype(np.uint8)


def typed(word: str, chance: np.random.Generator) -> str:
    """The word with each letter replaced by any letter with probability .6."""
    letters = chance.choice(list(string.ascii_lowercase), len(word))
    return "".join(np.where(chance.random(len(word)) < WRONG, letters, list(word)))


def witnesses(seed: int) -> Witnesses:
    """The rows of one seed: it draws the validation images, who is paired with whom, and all noise."""
    images, labels = digits()
    sounds, index = recordings()
    chance = numpy_generator(seed, "witnesses")
    taught = (index["index"] >= 5).to_numpy()
    spread = sounds[taught].std(axis=(0, 1))
    side = np.where(np.arange(len(images)) >= TEST_FROM, 2, 0)
    side[chance.permutation(TEST_FROM)[:VALID]] = 1
    # no recording is on two sides: of the training recordings each tenth is for validation
    place = np.where(taught, np.where(index["index"] % 10 == 9, 1, 0), 2)
    recording = np.empty(len(images), dtype=np.int64)
    for digit in range(10):
        for where in range(3):
            rows = np.flatnonzero((labels == digit) & (side == where))
            pool = np.flatnonzero((index["digit"].to_numpy() == digit) & (place == where))
            turns = [chance.permutation(pool) for _ in range(-(-len(rows) // len(pool)))]
            recording[rows] = np.concatenate(turns)[: len(rows)]
    noisy = sounds[recording] + NOISE * spread * chance.normal(size=(len(images), STEPS, BANDS))
    table = pd.DataFrame(
        {
            "image": list(reduced(images)),
            "sound": list(noisy.astype(np.float32)),
            "typed": [typed(NAMES[digit], chance) for digit in labels],
            "digit": [NAMES[digit] for digit in labels],
        }
    )
    return Witnesses(table, Split.of(side), recording)


def positions(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, Split, Split]:
    """MultiMNIST in two tables: one row per pair with two digits asked, and two rows with the position.

    :returns: pairs (picture, left, right), questions (picture, position, digit), and their splits. A question
        is on the side of its pair; the pictures are those of ``multimnist_data``.
    """
    images, labels = digits()
    chance = numpy_generator(seed, "multimnist")
    known = chance.permutation(8000)
    sides = [known[1000:], known[:1000], np.arange(8000, len(images))]
    found, place = [], []
    for side, source in enumerate(sides):
        left, right = pairs(source, chance)
        drawn = overlay(torch.from_numpy(images[left]), torch.from_numpy(images[right]))[:, 0]
        pixels = (drawn.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        told = {"picture": list(pixels), "left": labels[left], "right": labels[right]}
        found.append(pd.DataFrame(told))
        place += [side] * len(source)
    both = pd.concat(found, ignore_index=True)
    asked = [
        both.assign(position=where, digit=both[where])[["picture", "position", "digit"]]
        for where in ("left", "right")
    ]
    split = np.array(place)
    return both, pd.concat(asked, ignore_index=True), Split.of(split), Split.of(np.tile(split, 2))
