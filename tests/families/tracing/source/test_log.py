from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from umbel.errors import ShapeError
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.families.tracing.source.probes import Probes, asked


def small() -> AnswerLog:
    return AnswerLog(
        students=("ann", "bob", "eve"),
        questions=("q0", "q1", "q2"),
        concepts=("add", "halve"),
        offsets=np.array([0, 3, 3, 5]),
        question=np.array([0, 1, 2, 2, -1]),
        sets=np.array([0, 1, 2, 2, 3]),
        concept_sets=Concepts.of([(0,), (1, 0), (1,), ()]),
        correct=np.array([1.0, 0.0, 1.0, 0.0, 1.0]),
        time=np.array([1.0, 2.0, 3.0, 5.0, 8.0]),
        labels={"seconds": np.array([4.0, np.nan, 1.0, 2.0, 3.0])},
    )


def test_students_are_taken_with_all_that_is_known_of_their_steps() -> None:
    log = small().take([2, 0])
    assert log.students == ("eve", "ann")
    assert log.offsets.tolist() == [0, 2, 5]
    assert log.question.tolist() == [2, -1, 0, 1, 2]
    assert log.correct.tolist() == [0, 1, 1, 0, 1]
    assert log.time is not None
    assert log.time.tolist() == [5, 8, 1, 2, 3]
    assert log.labels["seconds"][:2].tolist() == [2, 3]
    assert log.student.tolist() == [0, 0, 1, 1, 1]
    assert log.place.tolist() == [0, 1, 0, 1, 2]


def test_first_answers_of_each_student() -> None:
    log = small().first(np.array([2, 1, 1]))
    assert log.offsets.tolist() == [0, 2, 2, 3]
    assert log.question.tolist() == [0, 1, 2]


def test_lines_of_concepts() -> None:
    log = small()
    step, concept = log.concept_sets.spread(log.sets)
    assert list(zip(step.tolist(), concept.tolist(), strict=True)) == [(0, 0), (1, 0), (1, 1), (2, 1), (3, 1)]
    assert log.concept_sets.table(fill=-1).tolist() == [[0, -1], [0, 1], [1, -1], [-1, -1]]


def test_parts_must_fit() -> None:
    log = small()
    with pytest.raises(ShapeError, match="each step of a log"):
        AnswerLog(
            log.students, log.questions, log.concepts, log.offsets, log.question, log.sets,
            log.concept_sets, log.correct[:-1],
        )  # fmt: skip


def test_attributes_have_an_index_of_names_each_once() -> None:
    about = pd.DataFrame({"level": [1.0, 2.0]}, index=["q0", "other"])
    log = replace(small(), about=about)
    assert log.take([2]).about is about
    extended, _ = asked(log, Probes.each_concept(2))
    assert extended.about is about
    with pytest.raises(ShapeError, match="'q0' twice"):
        replace(log, about=about.set_axis(["q0", "q0"]))
    with pytest.raises(ShapeError, match="an index of integer"):
        replace(log, about=about.reset_index(drop=True))


def test_codes_know_what_training_met() -> None:
    log = small()
    codes = Codes.of(log.take([0]))
    assert codes.questions == ("q0", "q1", "q2")
    other = AnswerLog(
        ("zoe",), ("new", "q1"), ("halve", "cube"), np.array([0, 2]), np.array([0, 1]), np.array([0, 1]),
        Concepts.of([(0, 1), (1,)]), np.array([1.0, 0.0]),
    )  # fmt: skip
    coded = codes(other)
    assert coded.question.tolist() == [0, 2]
    assert coded.table.tolist() == [[2], [0]]  # the cube is left out, and its set is empty
    assert Codes.from_state(codes.state) == codes


def test_probes_stand_behind_all_answers() -> None:
    log = small()
    extended, place = asked(log, Probes.each_concept(2))
    assert len(extended) == 6
    assert extended.lengths.tolist() == [4, 4, 1, 1, 3, 3]
    assert place.tolist() == [[3, 7], [8, 9], [12, 15]]
    assert extended.question[place].tolist() == [[-1, -1]] * 3
    assert [extended.concept_sets[s].tolist() for s in extended.sets[place[0]]] == [[0], [1]]
    assert extended.correct[place].sum() == 0
    kept = np.setdiff1d(np.arange(extended.steps), place)
    assert extended.correct[kept].tolist() == [1, 0, 1, 1, 0, 1, 0, 1, 0, 1]
