from __future__ import annotations

import numpy as np
import pytest

from umbel.errors import ConfigError
from umbel.families.tracing.judge.scores import score
from umbel.families.tracing.model.stack import Stack
from umbel.families.tracing.source.simulate import simulate
from umbel.families.tracing.source.split import split_students


def test_a_stack_is_no_worse_than_its_members_where_they_are_fitted() -> None:
    log = simulate("chain", students=200, concepts=4, questions=5, steps=20, seed=4).log
    train, valid, test = split_students(log, seed=0)
    stack = Stack(members=["running_rate", "pfa", "irt", {"name": "irt", "form": "2pl"}])
    stack.fit(train, valid)
    assert stack.names == ["running_rate", "pfa", "irt 1", "irt 2"]
    assert set(stack.notes["weights"]) == set(stack.names)
    best = min(score(p, valid.correct)["log_loss"] for p in stack.by_member(valid).values())
    assert score(stack.predict(valid), valid.correct)["log_loss"] <= best + 1e-3
    assert stack.parameters > sum(m.parameters for m in stack.members)
    worst = max(score(p, test.correct)["log_loss"] for p in stack.by_member(test).values())
    assert score(stack.predict(test), test.correct)["log_loss"] < worst


def test_a_stack_has_members() -> None:
    with pytest.raises(ConfigError, match="has members"):
        Stack(members=[])


def test_seeds_of_members_follow_the_stack() -> None:
    stack = Stack(members=["dkt", {"name": "dkt", "seed": 9}], seed=5)
    assert [m.seed for m in stack.members] == [5, 9]
    assert np.allclose(stack.weights, 0.5)
