"""Problems: short forms, and errors that name the path and near keys."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from umbel.data.problem import InputSpec, Problem, SplitSpec, TargetSpec
from umbel.errors import ConfigError


def test_short_forms_are_the_long_ones() -> None:
    long = Problem(targets={"a": TargetSpec(), "b": TargetSpec()}, inputs={"x": InputSpec(type="set")})
    assert Problem.of(["a", "b"], inputs={"x": "set"}) == long
    assert Problem.of({"a": None, "b": {}}, inputs={"x": {"type": "set"}}) == long
    assert Problem.of("a") == Problem.of(["a"]) == Problem.read({"targets": "a"})
    assert Problem.of({"a": "regression"}).targets["a"].kind == "regression"
    assert Problem.of("a", entity="x").entity == ["x"]
    assert Problem.of(Problem.of("a", by="s"), entity="x") == Problem.of("a", by="s", entity=["x"])
    assert list(Problem.of(["b", "a", "c"]).targets) == ["b", "a", "c"]


def test_a_problem_survives_json() -> None:
    problem = Problem.of(
        {"a": {"kind": "binary", "positive": "yes", "weight": 2}, "b": {"columns": ["x", "y"]}},
        time="day",
        split={"how": "time", "valid_from": datetime.date(2005, 1, 1), "test_from": "2006-01-01"},
    )
    assert Problem.read(problem.model_dump(mode="json")) == problem
    assert Problem.model_validate_json(problem.model_dump_json()) == problem
    assert problem.targets["a"].options == {"positive": "yes"}
    assert problem.split.valid_from == "2005-01-01"
    assert problem.sources == {"a", "x", "y"}


def test_the_schema_tells_of_keys() -> None:
    keys = Problem.model_json_schema()["properties"]
    assert {"targets", "by", "inputs", "entity", "split"} <= set(keys)
    assert {"type": "string"} in keys["targets"]["anyOf"]  # short forms too
    assert len(keys["targets"]["anyOf"]) == 3


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"targets": "a", "splt": {}}, [r"problem\.splt", "did you mean 'split'"]),
        ({"targets": "a", "split": {"hwo": 1}}, [r"problem\.split\.hwo", "did you mean 'how'"]),
        ({"targets": "a", "split": {"how": "tim"}}, [r"problem\.split\.how = 'tim'", "did you mean 'time'"]),
        (
            {"targets": "a", "inputs": {"x": {"typ": "set"}}},
            [r"problem\.inputs\.x\.typ", "did you mean 'type'"],
        ),
        ({"targets": "a", "inputs": {"x": "numbr"}}, [r"problem\.inputs\.x\.type", "did you mean 'number'"]),
        ({"targets": "a", "types": {"x": "txt"}}, [r"problem\.types\.x", "did you mean 'text'"]),
        ({"targets": {"a": "binry"}}, [r"problem\.targets\.a", "did you mean 'binary'"]),
        (
            {"targets": {"a": {"kind": "binary", "positiv": 1}}},
            [r"problem\.targets\.a", "positiv", "did you mean 'positive'"],
        ),
        (
            {"targets": {"a": {"weight": -1}}},
            [r"problem\.targets\.a\.weight = -1", "equal to 0"],
        ),
        ({"targets": {"a": {"columns": []}}}, [r"problem\.targets\.a", "at least one column"]),
        ({}, [r"problem\.targets", "required key is missing"]),
        ({"targets": []}, ["at least one target"]),
        ({"targets": ["a", "a"]}, ["named once", "'a'"]),
        ({"targets": 3}, [r"problem\.targets = 3"]),
        ({"targets": "a", "by": "a"}, ["'a' cannot be a target and"]),
        ({"targets": "a", "inputs": ["x", "a"]}, ["'a' is both"]),
        ({"targets": "a", "split": {"how": "time"}}, ["needs the key 'time'"]),
        ({"targets": "a", "split": {"shares": [0.5, 0.2, 0.2]}}, [r"problem\.split", "sum to 1"]),
        ({"targets": "a", "split": {"shares": [0, 0.5, 0.5]}}, ["first above 0"]),
        ({"targets": "a", "time": "t", "split": {"how": "time", "test_from": 3}}, ["together"]),
        ({"targets": "a", "split": {"valid_from": 1, "test_from": 3}}, ["how: time"]),
    ],
)
def test_errors_name_the_path_and_near_keys(keys: dict[str, Any], says: list[str]) -> None:
    for part in says:
        with pytest.raises(ConfigError, match=part):
            Problem.read(keys)


def test_unknown_keyword_of_python() -> None:
    with pytest.raises(ConfigError, match="did you mean 'entity'"):
        Problem.of("a", entitty="x")
    assert SplitSpec().shares == (0.7, 0.1, 0.2)
