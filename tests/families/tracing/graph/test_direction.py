from __future__ import annotations

import numpy as np
import pytest
from tests.families.tracing.graph.hand_made import Linear, drawn_log, log_of

from umbel.errors import ConfigError
from umbel.families.tracing.graph.direction import clamped_growth, first_known
from umbel.families.tracing.source.log import AnswerLog


class Grows(Linear):
    """Concept b grows by .02 a practice where the last answer on a was right, and by nothing else."""

    def _predict(self, log: AnswerLog) -> np.ndarray:
        found = np.full(log.steps, 0.3)
        for start, stop in zip(log.offsets[:-1], log.offsets[1:], strict=True):
            right, practised = 0.0, 0
            for step in range(start, stop):
                found[step] += 0.1 * right
                if log.sets[step] == 1:
                    found[step] += 0.02 * right * practised
                    practised += 1
                elif log.sets[step] == 0:
                    right = log.correct[step]
        return found


def test_growth_under_a_clamp_is_found_exactly() -> None:
    growth = clamped_growth(Grows(np.zeros((3, 3))), drawn_log(40, 15, 3))
    assert growth[1, 0] == pytest.approx(0.02)  # the level of .1 is no growth
    others = growth[~np.eye(3, dtype=bool) & (np.arange(9).reshape(3, 3) != 3)]
    np.testing.assert_allclose(others, 0.0, atol=1e-12)
    assert np.isnan(np.diag(growth)).all()


def test_growth_that_nobody_shows_is_unknown() -> None:
    growth = clamped_growth(Grows(np.zeros((3, 3))), log_of([[0, 1, 0]], [[1, 0, 1]]))
    assert np.isnan(growth).all()  # one practice of b after a
    with pytest.raises(ConfigError, match="'students'"):
        clamped_growth(Grows(np.zeros((3, 3))), drawn_log(3, 6, 3), students=0)


def test_the_two_ways_of_a_pair_sum_to_one() -> None:
    z = np.array([[np.nan, 2.0, -1.0], [0.0, np.nan, np.nan], [4.0, 1.0, np.nan]])
    sure = first_known(z)
    np.testing.assert_allclose(sure + sure.T, 1.0)
    assert sure[0, 1] == pytest.approx(0.9214, abs=1e-4)  # 2 / sqrt(2) standard errors
    assert sure[2, 0] > 0.999
    assert sure[2, 1] == pytest.approx(0.7602, abs=1e-4)
    assert np.isnan(z[0, 0])  # what came is as it was
