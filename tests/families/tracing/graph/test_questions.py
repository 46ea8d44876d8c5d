from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from umbel.errors import DataError, ShapeError
from umbel.families.tracing.graph.questions import clusters_as_concepts, questions_as_concepts
from umbel.families.tracing.source.simulate import simulate


def test_there_and_back_again() -> None:
    made = simulate(students=20, concepts=3, questions=4, steps=12)
    alone = questions_as_concepts(made.log)
    assert alone.concepts == made.log.questions
    assert (alone.sets == alone.question).all()
    assert alone.concept_sets.sizes.tolist() == [1] * 12
    again = clusters_as_concepts(alone, made.concept_of_question, ["x", "y", "z"])
    assert again.concepts == ("x", "y", "z")
    assert (again.sets == made.log.sets).all()
    assert (again.correct == made.log.correct).all()


def test_what_does_not_fit_is_refused() -> None:
    log = simulate(students=4, concepts=2, questions=2, steps=4).log
    nameless = replace(log, question=np.where(log.place == 1, -1, log.question))
    with pytest.raises(DataError, match="4 steps without one, the first is step 1"):
        questions_as_concepts(nameless)
    with pytest.raises(ShapeError, match=r"\(3,\) clusters for 4 questions"):
        clusters_as_concepts(log, [0, 1, 0])
    with pytest.raises(ShapeError, match="1 names for 2"):
        clusters_as_concepts(log, [0, 1, 0, 1], ["one"])
