"""Strengths by folds: where a path ends, what can be held out, and how many folds there may be."""

from __future__ import annotations

import numpy as np
import pytest

from umbel.errors import ConfigError, DataError
from umbel.training.learners.spectral import Spectral, fold_losses, stack_loss
from umbel.training.learners.stacks import Stack
from umbel.training.learners.task_covariance import TaskCovariance
from umbel.training.learners.trace_norm import TraceNorm
from umbel.training.solvers.trace_norm import fit_spectral, soft_threshold


def noise(entities: int) -> Stack:
    """Sixty answers of two tasks that no input tells: less strength is worse."""
    rng = np.random.default_rng(0)
    X, y, rows = rng.normal(size=(60, 3)), rng.normal(size=60), np.arange(60)
    return Stack(X, y, rows % 2, 2, np.ones(60), rows % entities)


PATH = [soft_threshold(s) for s in np.geomspace(50, 1e-3, 12)]


def test_strengths_after_the_end_of_a_path_are_not_tried() -> None:
    held = fold_losses(noise(60), "gaussian", 5, "example", PATH)
    assert np.isfinite(held[:6]).all()
    assert np.isinf(held[-1])


def test_a_loss_is_that_of_the_rows_held_out() -> None:
    """Two entities, so two folds of one each: fitted on either alone, judged on the other."""
    stack = noise(2)
    held = fold_losses(stack, "gaussian", 2, "example", PATH[:2], tolerance=1e-9)
    for shrink, loss in zip(PATH[:2], held, strict=True):
        wrong = []
        for entity in (0, 1):
            rest, other = stack.take(stack.entities == entity), stack.take(stack.entities != entity)
            W = fit_spectral(stack_loss(rest, "gaussian"), shrink, tolerance=1e-9).tasks
            scores = np.einsum("ij,ij->i", other.with_constant(1.0), W[other.task])
            wrong.append(np.square(other.y - scores))
        assert loss == pytest.approx(np.concatenate(wrong).mean(), rel=1e-6)


def test_of_one_entity_nothing_can_be_held_out() -> None:
    with pytest.raises(DataError, match="one entity"):
        fold_losses(noise(1), "gaussian", 5, "example", PATH)


@pytest.mark.parametrize("learner", [TraceNorm, TaskCovariance])
@pytest.mark.parametrize("folds", [0, 1, 2.5, True])
def test_folds_are_checked(learner: type[Spectral], folds: object) -> None:
    assert learner(folds=2).options == {"folds": 2}
    with pytest.raises(ConfigError, match="folds must be a whole number of at least 2"):
        learner(folds=folds)
