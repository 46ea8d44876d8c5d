"""YAML and options to one configuration; mistakes are told with their path, line and near keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from umbel.app.config import config_text, json_schema, merge, read_config
from umbel.app.yamlfile import read_yaml, to_yaml
from umbel.errors import ConfigError

GOOD = """\
problem:
  targets:
    score: regression   # a comment
    passed: {kind: binary}
  entity: [pupil]
model:
  name: net
seed: 3
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_and_the_options_over_it(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    config = read_config(path, {"model.name": "linear", "seed": None, "compare.splits": 4})
    assert list(config.problem.targets) == ["score", "passed"]
    assert config.problem.entity == ["pupil"]
    assert (config.model.name, config.seed, config.compare.splits) == ("linear", 3, 4)


def test_options_alone() -> None:
    config = read_config(None, {"problem.targets": ["a", "b"], "problem.by": "school"})
    assert (list(config.problem.targets), config.problem.by) == (["a", "b"], "school")


def test_a_problem_alone_is_a_configuration(tmp_path: Path) -> None:
    path = written(tmp_path, "targets: [score]\nby: school\n")
    config = read_config(path, {})
    assert (list(config.problem.targets), config.problem.by) == (["score"], "school")


def test_what_is_written_reads_back_equal(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, GOOD), {})
    assert read_config(written(tmp_path, config_text(config)), {}) == config


@pytest.mark.parametrize(
    ("text", "found", "remedy"),
    [
        ("problm:\n  targets: [a]\n", "problm (line 1 of 'config.yaml')", "'problem'"),
        ("problem:\n  targets: [a]\n  entiti: b\n", "problem.entiti (line 3 of", "'entity'"),
        ("targets: [a]\nsplit:\n  how: time\n  sharez: 1\n", "problem.split.sharez (line 4 of", "'shares'"),
        ("problem:\n  targets: [a]\nseed: many\n", "seed = 'many' (line 3 of", ""),
        (
            "problem:\n  targets: [a]\n  split: {how: rndom}\n",
            "problem.split.how = 'rndom' (line 3",
            "'random'",
        ),
        ("problem:\n  targets: {}\n", "no targets in 'config.yaml'", "--targets"),
    ],
)
def test_a_mistake_is_told_with_its_path_and_line(tmp_path: Path, text: str, found: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(written(tmp_path, text), {})
    assert found in caught.value.found
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("seed: 1\nseed: 2\n", "seed in lines 1 and 2"),
        ("a: [1, 2\n", "config.yaml"),
        ("- a\n", "holds list"),
        ("", "holds nothing"),
        ("a: !!python/object/apply:os.system [ls]\n", "python/object"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml(written(tmp_path, text))
    assert part in caught.value.found


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="readable file"):
        read_config(tmp_path / "none.yaml", {})


def test_no_targets_at_all() -> None:
    with pytest.raises(ConfigError, match="at least one target"):
        read_config(None, {"problem.targets": None})


def test_the_schema_is_json_and_knows_the_keys() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert set(schema["properties"]) >= {"problem", "model", "compare", "seed"}
    assert schema["additionalProperties"] is False


KEYS = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(tree=st.dictionaries(KEYS, TREES, max_size=3), value=st.integers())
def test_an_option_wins_and_leaves_the_rest(tree: dict[str, object], value: int) -> None:
    before = json.dumps(tree)
    merged = merge(tree, {"a.b": value, "c": None})
    assert json.dumps(tree) == before
    assert merged["a"]["b"] == value
    assert all(merged[key] == tree[key] for key in tree if key != "a")
    assert merge(tree, {}) == tree


@settings(deadline=None, max_examples=50)
@example(tree={"a": "\x85", "b": ["x\u2028y\r"]})
@given(tree=st.dictionaries(KEYS, TREES, min_size=1, max_size=3))
def test_yaml_there_and_back(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]) -> None:
    path = tmp_path_factory.getbasetemp() / "tree.yaml"
    path.write_text(to_yaml(tree), encoding="utf-8")
    assert read_yaml(path).keys == tree
