"""Sections on task gradients: the right numbers, the right words, wherever the net stands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from umbel.app.report.charts import chart
from umbel.judging.section import Figure, Section
from umbel.training.compare import compare
from umbel.training.config import Config
from umbel.training.gradient_sections import affinity_section, gradient_section
from umbel.training.kept import kept
from umbel.training.learner import Learner
from umbel.training.learners.average import Average
from umbel.training.learners.cross_fit import CrossFit


def told(count: int = 3, **changes: Any) -> dict[str, Any]:
    """What a net of so many tasks tells, in two epochs."""
    names = [f"t{k}" for k in range(count)]
    cosines = np.full((count, count), -0.25) + 1.25 * np.eye(count)
    affinity = np.full((count, count), -2e-5) + 6e-5 * np.eye(count)
    found = {
        "tasks": names,
        "place": "features",
        "cosines": cosines.tolist(),
        "conflicts": [1.0, None],
        "norms": {name: [0.5 + k, 1.0] for k, name in enumerate(names)},
        "weights": {name: [1.0, 1.5] for name in names},
        "affinity": affinity.tolist(),
        "affinity_epochs": [1, 2],
    }
    return found | changes


def learner(gradients: Any) -> Learner:
    return cast(Learner, SimpleNamespace(notes={"gradients": gradients}, joint=True))


def figures(section: Section | None) -> dict[str, Figure]:
    assert section is not None
    found = {figure.title: figure for figure in section.figures}
    for k, figure in enumerate(found.values()):
        assert figure.caption
        assert chart(figure, f"k{k}")
    return found


def test_every_picture_holds_its_numbers() -> None:
    section = gradient_section(learner(told()))
    found = figures(section)
    assert list(found) == [
        "Cosines of task gradients",
        "Pairs of tasks that conflict",
        "Length of task gradients",
        "Weights of the balancer",
    ]
    cosines = found["Cosines of task gradients"]
    np.testing.assert_allclose(cast(Any, cosines.matrix)[0], [1.0, -0.25, -0.25])
    assert cosines.labels == (["t0", "t1", "t2"],) * 2
    (conflicts,) = found["Pairs of tasks that conflict"].series
    assert (conflicts.x, conflicts.y) == ([1], [1.0])  # the second epoch has no pair
    assert [list(s.y) for s in found["Length of task gradients"].series] == [[0.5, 1], [1.5, 1], [2.5, 1]]
    assert section is not None
    assert "at the features that all tasks share" in section.text[0]


def test_affinity_is_read_against_the_tasks_own_step() -> None:
    section = affinity_section(
        learner(told(affinity=[[4e-5, -2e-6, None], [2e-5, 1e-6, None], [0.0, 0.0, -1.0]]))
    )
    (figure,) = figures(section).values()
    expected = [[1.0, -2.0, np.nan], [0.5, 1.0, np.nan], [0.0, 0.0, np.nan]]  # the last step harmed its own
    np.testing.assert_allclose(cast(Any, figure.matrix), expected)
    assert "mean of 2 epochs" in figure.caption
    assert section is not None
    assert "plain gradient step" in section.text[0]
    alone = affinity_section(learner(told(affinity_epochs=[1])))
    assert "mean of epoch 1" in next(iter(figures(alone).values())).caption


@pytest.mark.parametrize(("count", "words"), [(12, ""), (13, "left out: 1)"), (40, "left out: 28)")])
def test_at_most_twelve_tasks_are_drawn(count: int, words: str) -> None:
    for section in (gradient_section(learner(told(count))), affinity_section(learner(told(count)))):
        assert section is not None
        assert (words in section.text[-1]) if words else not any("left out" in t for t in section.text)
        for figure in section.figures:
            if figure.matrix is not None:
                assert figure.matrix.shape == (12, 12)
            elif len(figure.series) > 1:
                assert len(figure.series) == 12


def test_weights_that_never_change_are_not_drawn() -> None:
    constant = told(weights={f"t{k}": [1.0, 1.0] for k in range(3)})
    assert "Weights of the balancer" not in figures(gradient_section(learner(constant)))
    fixed = told(weights={f"t{k}": [1.0 + k, 1.0 + k] for k in range(3)})
    assert "Weights of the balancer" in figures(gradient_section(learner(fixed)))


def test_tasks_that_never_meet_are_told() -> None:
    apart = told(cosines=None, conflicts=[None, None])
    section = gradient_section(learner(apart))
    assert "Cosines of task gradients" not in figures(section)
    assert section is not None
    assert "No two tasks are known in the same row" in section.text[1]
    nothing = told(cosines=None, conflicts=[None], norms={"t0": [None]}, weights={"t0": [1.0]}, affinity=None)
    assert gradient_section(learner(nothing)) is None
    assert affinity_section(learner(nothing)) is None


def test_the_first_that_has_kept_some_is_found_in_folds_and_ensembles() -> None:
    none, one = learner(None), learner(told())
    folds = CrossFit()
    folds.members = [none, one]
    both = Average()
    both.weights = {}
    both.members = {"linear": none, "net": folds}
    assert kept(both, "gradients") == told()
    assert kept(learner(None), "gradients") == {}
    assert gradient_section(none) is None
    assert affinity_section(none) is None
    for section in (gradient_section(both), affinity_section(both)):
        assert section is not None


def test_a_comparison_shows_them_for_its_joint_net() -> None:
    chance = np.random.default_rng(0)
    frame = pd.DataFrame(chance.normal(size=(120, 3)), columns=list("abc"))
    frame["up"] = frame["a"] + 0.1 * chance.normal(size=120)
    frame["down"] = -frame["up"]
    found = compare(
        frame,
        Config.read(
            {
                "problem": {"targets": ["up", "down"], "inputs": ["a", "b", "c"]},
                "model": {
                    "name": "net",
                    "options": {"epochs": 2, "width": 8, "calibrate": False},
                    "folds": 2,
                },
                "compare": {"resamples": 50, "baselines": ["constant"], "ensembles": []},
            }
        ),
    )
    titles = [section.title for section in found.sections]
    assert titles[:3] == ["Learning curves", "Task gradients", "Task affinity"]
    cosines = found.sections[1].figures[0]
    assert cosines.labels == (["up", "down"],) * 2
    assert np.isfinite(cast(Any, cosines.matrix)).all()
