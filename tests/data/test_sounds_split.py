"""Speakers left out of training: the split passes the audit, and one that mixes them does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shared_data import shared_data
from umbel.data.auditing import audit
from umbel.data.entities import find_entities
from umbel.data.prepare import prepare
from umbel.data.problem import Problem
from umbel.data.split import Split
from umbel.errors import DataError

SPLIT = {"how": "situation", "situation": "speaker"}


def recordings(speakers: list[str], each: int = 20) -> pd.DataFrame:
    chance = np.random.default_rng(0)
    who = np.repeat(speakers, each)
    cells = [(chance.normal(size=chance.integers(100, 300)), 8000) for _ in who]
    digit = [str(d) for d in np.arange(len(who)) % 10]
    return pd.DataFrame({"sound": pd.Series(cells, dtype=object), "digit": digit, "speaker": who})


def problem(**keys: object) -> Problem:
    return Problem.of(
        {"digit": "multiclass"}, inputs={"sound": "audio"}, entity=["speaker"], split={**SPLIT, **keys}
    )


def test_whole_speakers_are_held_out_and_the_audit_passes() -> None:
    table, asked = recordings(list("abcdef")), problem(test=["b"], valid=["e"])
    data = prepare(table, asked)
    sides = {side: set(table["speaker"].iloc[getattr(data.split, side)]) for side in data.split.sizes}
    assert sides == {"train": set("acdf"), "valid": {"e"}, "test": {"b"}}
    assert data.audit.words.startswith("No entity is on two sides")
    report = audit(table, asked, data.split, entities=find_entities(table, asked))
    assert not report.leaks
    assert len(data.train.frame(["sound"])) == 80


def test_a_split_by_recording_is_refused_where_the_speaker_is_the_entity() -> None:
    table = recordings(list("abcdef"))
    mixed = Split.of(np.arange(len(table)) % 3)
    with pytest.raises(DataError, match="entity"):
        prepare(table, problem(), split=mixed)


def test_the_speakers_of_the_spoken_digits_stay_apart() -> None:
    index: Path = shared_data("audio/fsdd/index.csv")
    table = pd.read_csv(index).rename(columns={"file": "sound"})
    table["digit"] = table["digit"].astype(str)
    for speaker in sorted(table["speaker"].unique()):
        data = prepare(table, problem(test=[speaker], shares=[0.6, 0.2, 0.2]))
        assert data.audit.words.startswith("No entity is on two sides")
        assert data.split.sizes["test"] == 500
        assert set(table["speaker"].iloc[data.split.test]) == {speaker}
