"""Questions at the end of a log, coded as steps are; sums by key."""

from __future__ import annotations

import numpy as np
from tests.families.tracing.model.classic_logs import small_log

from umbel.families.tracing.model.asking import as_log, looked_up
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.log import Concepts
from umbel.families.tracing.source.probes import Probes


def test_probes_are_coded_as_steps() -> None:
    log = small_log()
    asked = as_log(log, Probes(np.array([4, -1, -1]), Concepts.of([(0, 2), (3,), ()])))
    coded = Codes.of(log)(asked)
    assert coded.question.tolist() == [5, 0, 0]
    assert [coded.concept_sets[s].tolist() for s in coded.sets] == [[1, 3], [4], []]


def test_keys_that_are_not_there_have_their_default() -> None:
    keys, values = np.array([1, 4, 9]), np.array([0.1, 0.4, 0.9])
    wanted = np.array([[9, 0], [4, 12]])
    assert looked_up(keys, values, wanted, np.array([5.0, 6.0])).tolist() == [[0.9, 6.0], [0.4, 6.0]]
    none = np.zeros(0, dtype=np.int64)
    assert looked_up(none, np.zeros(0), wanted, 7.0).tolist() == [[7.0, 7.0], [7.0, 7.0]]
