from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from umbel.errors import ShapeError
from umbel.families.tracing.graph.clusters import affinity, clusters
from umbel.families.tracing.graph.influence import influence
from umbel.families.tracing.graph.practice import before_after
from umbel.families.tracing.graph.questions import questions_as_concepts
from umbel.families.tracing.model.transfer import Transfer
from umbel.families.tracing.source.simulate import simulate


def test_concepts_of_questions_are_recovered_from_answers() -> None:
    made = simulate("none", students=2500, concepts=3, questions=8, steps=24, seed=100)
    log = questions_as_concepts(made.log)
    model = Transfer().fit(log.take(np.arange(2000)), log.take(np.arange(2000, 2500)))
    found = clusters(influence(model, log, students=200).effect, before_after(log).z)
    assert adjusted_rand_score(made.concept_of_question, found) == 1.0


def test_units_and_what_rows_share_make_no_affinity() -> None:
    chance = np.random.default_rng(0)
    one, other = chance.standard_normal((2, 12, 12))
    plain = affinity(one, other)
    np.testing.assert_allclose(plain, plain.T)
    np.testing.assert_allclose(np.diag(plain), 0.0)
    np.testing.assert_allclose(affinity(one * 1000 + 7, other / 50), plain, atol=1e-6)
    able = 5 * chance.standard_normal(12)
    np.testing.assert_allclose(affinity(one + able[:, None], other + able), plain, atol=1e-6)
    size = np.sqrt((plain**2).sum(axis=1) / 11)
    assert size.max() / size.min() < 1.3


def test_evidence_that_says_nothing_is_left_out() -> None:
    one = np.random.default_rng(0).standard_normal((6, 6))
    nothing = np.full((6, 6), np.nan)
    np.testing.assert_allclose(affinity(one, nothing), affinity(one))
    np.testing.assert_allclose(affinity(one, np.ones((6, 6))), affinity(one))
    assert (affinity(nothing) == 0).all()
    assert clusters(nothing).tolist() == [0] * 6
    half = np.where(np.triu(np.ones((6, 6)), 1) > 0, one, np.nan)  # one order: only one way of each pair
    known = np.where(np.isnan(half), half.T, half)
    np.testing.assert_allclose(affinity(half), affinity(known))


def test_matrices_that_do_not_fit_are_refused() -> None:
    for wrong in ((), (np.zeros((2, 3)),), (np.zeros((2, 2)), np.zeros((3, 3)))):
        with pytest.raises(ShapeError, match="concepts times concepts"):
            affinity(*wrong)
