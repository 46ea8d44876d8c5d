"""Free spoken digits: 3,000 recordings of six speakers; they lie beside the project, never in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tables_data import shared_tables

from umbel.data.prepare import Prepared, prepare
from umbel.data.problem import Problem
from umbel.data.split import Split

__all__ = ["RATE", "by_speaker", "digits", "digits_folder", "official", "speakers"]

RATE = 8000
_TEST, _VALID = 5, 10
"""The official test recordings of a speaker and digit are the first five; the next five choose."""


def digits_folder() -> Path:
    """``$UMBEL_SHARED/audio/fsdd`` or ``../shared/data/audio/fsdd``."""
    return shared_tables().parent / "audio" / "fsdd"


def digits() -> pd.DataFrame:
    """Recordings with their rate, digit, speaker, and number within both."""
    import soundfile

    index = pd.read_csv(digits_folder() / "index.csv")
    whole, rate = soundfile.read(digits_folder() / "recordings.flac", dtype="int16")
    cells = [
        (whole[start : start + length], rate)
        for start, length in zip(index["start"], index["length"], strict=True)
    ]
    return pd.DataFrame(
        {
            "sound": pd.Series(cells, dtype=object),
            "digit": index["digit"].astype(str),
            "speaker": index["speaker"],
            "number": index["index"],
            "file": index["file"],
        }
    )


def speakers(table: pd.DataFrame) -> list[str]:
    """In order of their names."""
    return sorted(table["speaker"].unique())


def _prepared(table: pd.DataFrame, sides: NDArray[np.int64], entity: str) -> Prepared:
    problem = Problem.of(
        {"digit": "multiclass", "speaker": "multiclass"}, inputs={"sound": "audio"}, entity=[entity]
    )
    return prepare(table, problem, split=Split.of(sides))


def official() -> Prepared:
    """The split of the data set's authors: of each speaker and digit recordings 0 to 4 are the test."""
    table = digits()
    number = table["number"].to_numpy()
    return _prepared(table, np.where(number < _TEST, 2, np.where(number < _VALID, 1, 0)), "file")


def by_speaker(test: str) -> Prepared:
    """One speaker is the test, the next in the order of names chooses, four are learned from.

    Who speaks is known of the four alone: the others are no class that could be learned.
    """
    table = digits()
    names = speakers(table)
    valid = names[(names.index(test) + 1) % len(names)]
    who = table["speaker"].to_numpy()
    sides = np.where(who == test, 2, np.where(who == valid, 1, 0))
    table["person"] = table["speaker"]
    table.loc[sides != 0, "speaker"] = None
    return _prepared(table, sides, "person")
