"""Keys of a split: each with the way it belongs to, and back from plain JSON as they went."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from umbel.data.problem import Problem, SplitSpec
from umbel.errors import ConfigError


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"gap": 3}, "need how: time"),
        ({"how": "time", "test": "north"}, "need how: situation"),
        ({"how": "time", "difficulty": "d"}, "need how: difficulty"),
        ({"how": "balanced", "test_rows": "hard"}, "need how: difficulty"),
        ({"folds": 3}, "need how: difficulty"),
        ({"how": "difficulty", "difficulty": "d", "learner": "linear"}, "give one of the two"),
        ({"how": "difficulty", "difficulty": "d", "folds": 3}, "give one of the two"),
        ({"how": "difficulty", "folds": 1}, "split.folds = 1"),
        ({"how": "difficulty", "test_rows": "strat"}, "did you mean 'stratified'"),
        ({"how": "dificulty"}, "did you mean 'difficulty'"),
        ({"how": "situation"}, "needs the key 'situation'"),
        ({"how": "time", "valid_from": 3}, "together"),
        ({"shares": [0.5, 0.5, 0.5]}, "sum to 1"),
        ({"leaner": "linear"}, "did you mean 'learner'"),
    ],
)
def test_a_key_in_the_wrong_place_is_told(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as error:
        Problem.of("y", time="t", split=keys)
    assert told in str(error.value)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {
            "how": "time",
            "valid_from": datetime.date(2020, 1, 1),
            "test_from": "2021",
            "gap": 2,
            "horizon": "7d",
        },
        {"how": "situation", "situation": "site", "test": "north", "valid": ["east", "west"]},
        {"how": "difficulty", "test_rows": "easy", "learner": "boosted", "folds": 3, "seed": 4},
        {"how": "difficulty", "difficulty": "d"},
    ],
)
def test_a_split_comes_back_from_json(keys: dict[str, Any]) -> None:
    spec = SplitSpec(**keys)
    assert SplitSpec(**json.loads(json.dumps(spec.model_dump(mode="json")))) == spec


@pytest.mark.parametrize("ignore", [None, "other", ["other", "d"]])
def test_the_column_of_difficulty_is_ignored(ignore: Any) -> None:
    split = {"how": "difficulty", "difficulty": "d"}
    found = Problem.of("y", ignore=ignore, split=split)
    assert sorted(found.ignore) == (["d"] if ignore is None else ["d", "other"])
    assert Problem.of(found) == found
    assert Problem.of("y", inputs=["x", "d"], split=SplitSpec(**split)).ignore == []
