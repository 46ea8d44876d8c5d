"""Counts before each step, against loops."""

from __future__ import annotations

import numpy as np
import pytest

from umbel.errors import DataError, ShapeError
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.counts import Lines, clock
from umbel.families.tracing.source.log import AnswerLog, Concepts


def log_of(seed: int = 0, students: int = 9, times: bool = False) -> AnswerLog:
    chance = np.random.default_rng(seed)
    lengths = chance.integers(0, 30, students)
    n = int(lengths.sum())
    return AnswerLog(
        tuple(f"s{i}" for i in range(students)),
        tuple(f"q{i}" for i in range(6)),
        tuple(f"c{i}" for i in range(4)),
        np.concatenate([[0], np.cumsum(lengths)]),
        chance.integers(-1, 6, n),
        chance.integers(0, 5, n),
        Concepts.of([(0,), (0, 1), (2,), (1, 2, 3), ()]),
        chance.choice([0.0, 1.0, 0.3], n),
        time=np.concatenate([np.sort(chance.integers(0, 100, k)) for k in lengths]).astype(float)
        if times
        else None,
    )


def slow(log: AnswerLog, lines: Lines, at: np.ndarray | None = None, width: float = 0.0) -> np.ndarray:
    found = np.zeros(len(lines))
    for i in range(len(lines)):
        for j in range(len(lines)):
            near = at is None or at[i] - at[j] <= width
            if lines.key[j] == lines.key[i] and lines.step[j] < lines.step[i] and near:
                found[i] += log.correct[lines.step[j]]
    return found


def test_sums_are_those_of_a_loop() -> None:
    log = log_of()
    coded = Codes.of(log)(log)
    for lines in (Lines.of_concepts(log, coded), Lines.of_questions(log, coded), Lines.of_students(log)):
        assert np.allclose(lines.earlier(log.correct[lines.step]), slow(log, lines), atol=1e-10)


@pytest.mark.parametrize("width", [0, 3, 40])
def test_windows_are_those_of_a_loop(width: int) -> None:
    log = log_of(1, times=True)
    lines = Lines.of_concepts(log, Codes.of(log)(log))
    for at in (log.place[lines.step], clock(log)[lines.step]):
        found = lines.earlier(log.correct[lines.step], at=at, width=width)
        assert np.allclose(found, slow(log, lines, at, width), atol=1e-10)


def test_keys_and_lines_of_concepts() -> None:
    log = log_of(2)
    coded = Codes.of(log)(log)
    lines = Lines.of_concepts(log, coded)
    sets = [log.concept_sets[s] for s in log.sets]
    assert len(lines) == sum(map(len, sets))
    assert [int(c) + 1 for one in sets for c in one] == lines.name.tolist()
    concept, student = np.divmod(lines.key, len(log))
    assert (student == log.student[lines.step]).all()
    assert (concept == lines.name).all()


def test_lines_of_the_same_step_do_not_count() -> None:
    lines = Lines(np.array([0, 0, 1, 1]), np.zeros(4, dtype=np.int64), np.array([1, 2, 1, 2]))
    assert lines.earlier(np.ones(4)).tolist() == [0, 0, 2, 2]


def test_other_students_move_no_digit() -> None:
    log = log_of(3)
    lines = Lines.of_students(log)
    alone = log.take([5])
    first, last = log.offsets[5:7]
    values = np.random.default_rng(0).random(log.steps) * 1e3
    found = Lines.of_students(alone).earlier(values[first:last])
    assert (found == lines.earlier(values)[first:last]).all()


def test_totals_are_what_comes_after_all() -> None:
    log = log_of(4)
    lines = Lines.of_concepts(log, Codes.of(log)(log))
    keys, sums = lines.totals(log.correct[lines.step])
    for key, total in zip(keys, sums, strict=True):
        assert total == pytest.approx(log.correct[lines.step[lines.key == key]].sum())


def test_a_clock_never_runs_backwards() -> None:
    log = AnswerLog(
        ("a", "b"),
        (),
        (),
        np.array([0, 3, 7]),
        np.full(7, -1),
        np.zeros(7, dtype=np.int64),
        Concepts.of([()]),
        np.ones(7),
        time=np.array([50.0, 40.0, 60.0, np.nan, np.nan, 20.0, np.nan]),
    )
    at = clock(log)
    assert at.tolist() == [50.0, 50.0, 60.0, -np.inf, -np.inf, 20.0, 20.0]
    assert Lines.of_students(log).earlier(np.ones(7), at=at, width=10.0).tolist() == [0, 1, 2, 0, 1, 0, 1]
    with pytest.raises(DataError, match="without times"):
        clock(log_of())


def test_refusals() -> None:
    log = log_of()
    lines = Lines.of_students(log)
    with pytest.raises(DataError, match="clock never falls"):
        lines.earlier(log.correct, at=-log.place, width=1)
    with pytest.raises(ShapeError, match="a window has"):
        lines.earlier(log.correct, width=1)
    with pytest.raises(ShapeError, match="in order"):
        Lines(np.array([1, 0]), np.array([0, 0]), np.array([0, 0]))


def test_no_steps() -> None:
    log = log_of().take([])
    assert Lines.of_students(log).earlier(log.correct).shape == (0,)
