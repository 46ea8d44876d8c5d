"""Which separate model a joint one is held against, and what is checked before anything is fitted."""

from __future__ import annotations

import pytest

from neural_tables import NUMBERS, dataset, frame
from umbel.errors import ConfigError
from umbel.training.build import checked, counterpart
from umbel.training.config import ModelConfig
from umbel.training.learner import LEARNERS

LINEAR = ["mean_regularised", "hierarchical", "trace_norm", "task_covariance", "clustered"]


@pytest.mark.parametrize("joint", LINEAR)
@pytest.mark.parametrize("by", [None, "school"])
def test_linear_models_are_held_against_a_linear_model_per_task(joint: str, by: str | None) -> None:
    train = dataset(frame(80, seed=2, missing=0.1), ("height", "weight"), by=by)
    assert counterpart(joint, ModelConfig(name=joint), train)[0] == "linear"


def test_a_process_of_many_tasks_is_held_against_one_per_task() -> None:
    model, table = ModelConfig(name="multitask_gp"), frame(80, seed=2, missing=0.1)
    columns = dataset(table, ("height", "weight"), columns=NUMBERS)
    assert counterpart("multitask_gp", model, columns)[0] == "gaussian_process"
    by_rows = dataset(table, ("height",), columns=NUMBERS, by="school")
    name, space = counterpart("multitask_gp", model, by_rows)
    assert name == "independent"
    assert space[0]["learner"] == "gaussian_process"


def test_the_named_options_win_over_the_nets_own() -> None:
    model = ModelConfig(name="net", options={"sharing": "hard", "width": 8}, sharing="film", balancing="mgda")
    assert model.sets == [{"sharing": "film", "width": 8, "balancing": "mgda"}]
    checked(model)
    with pytest.raises(ConfigError, match="did you mean 'mmoe'"):
        checked(ModelConfig(sharing="mmo"))


@pytest.mark.parametrize("joint", LINEAR)
def test_sets_of_labels_by_group_are_refused_with_the_reason(joint: str) -> None:
    train = dataset(frame(80, seed=2), ("tags",), columns=NUMBERS, by="school")
    assert "'tags'" in LEARNERS.get(joint).serves(train)
