"""The history is what a loop over a student's answers counts, and nothing of the step itself."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from scipy.special import logit

from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.expected import FOLDS, HEARD, OF_CONCEPT, OF_QUESTION, Expected
from umbel.families.tracing.source.history import FAST, FEATURES, PRIOR, SLOW, history
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.merge import merge
from umbel.families.tracing.source.simulate import simulate


def class_of(students: int = 25, seed: int = 1) -> AnswerLog:
    log = simulate("none", students=students, concepts=3, questions=4, steps=20, seed=seed).log
    lengths = np.where(np.arange(students) % 4 == 0, 5, 20)
    return merge(log.first(lengths)).log


def by_loop(log: AnswerLog, expected: np.ndarray, told: np.ndarray, rate: float) -> np.ndarray:
    rows = []
    for s in range(len(log)):
        answers: list[tuple[float, float]] = []
        concepts: dict[int, list[tuple[int, float, float]]] = defaultdict(list)
        questions: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for t in range(log.offsets[s], log.offsets[s + 1]):
            n = len(answers)
            y = np.array([a for a, _ in answers])
            more = np.array([a - e for a, e in answers])
            fast, slow = FAST ** np.arange(n)[::-1] * (1 - FAST), SLOW ** np.arange(n)[::-1] * (1 - SLOW)
            met = [concepts[c] for c in log.concept_sets[log.sets[t]]]
            own = questions[int(log.question[t])]
            rates = [(sum(a for _, a, _ in m) + PRIOR * rate) / (len(m) + PRIOR) - rate for m in met]
            rows.append(
                [
                    np.log1p(n),
                    (y.sum() + PRIOR * rate) / (n + PRIOR) - rate,
                    (fast * (y - rate)).sum(),
                    (slow * (y - rate)).sum(),
                    2 * y[-1] - 1 if n else 0,
                    np.mean([np.log1p(len(m)) for m in met]),
                    np.mean([np.log1p(sum(a for _, a, _ in m)) for m in met]),
                    np.mean([np.log1p(sum(1 - a for _, a, _ in m)) for m in met]),
                    np.mean(rates),
                    min(rates),
                    np.mean([2 * m[-1][1] - 1 if m else 0 for m in met]),
                    np.mean([np.log1p(n - m[-1][0]) if m else 0 for m in met]),
                    np.log1p(len(own)),
                    (sum(a for _, a in own) + PRIOR * rate) / (len(own) + PRIOR) - rate if own else 0,
                    2 * own[-1][1] - 1 if own else 0,
                    np.log1p(n - own[-1][0]) if own else 0,
                    logit(expected[t]),
                    np.log1p(told[t]),
                    more.sum() / (n + PRIOR),
                    (fast * more).sum(),
                    (slow * more).sum(),
                    np.mean([sum(e for _, _, e in m) / (len(m) + PRIOR) for m in met]),
                ]
            )
            answer = float(log.correct[t])
            answers.append((answer, float(expected[t])))
            for c in log.concept_sets[log.sets[t]]:
                concepts[c].append((n, answer, answer - float(expected[t])))
            questions[int(log.question[t])].append((n, answer))
    return np.array(rows)


def test_history_is_what_a_loop_counts() -> None:
    log = class_of()
    codes = Codes.of(log)
    coded = codes(log)
    found = Expected.of(log, coded, len(codes.questions), len(codes.concepts), seed=0)
    expected = found(log, coded)
    rate = float(log.correct.mean())
    rows = history(log, coded, expected, rate)
    assert rows.shape == (log.steps, len(FEATURES))
    np.testing.assert_allclose(rows, by_loop(log, expected[0], expected[1], rate), rtol=1e-5, atol=1e-5)


def test_expected_rates_are_smoothed_towards_the_concept() -> None:
    log = class_of(students=40, seed=2)
    codes = Codes.of(log)
    coded = codes(log)
    found = Expected.of(log, coded, len(codes.questions), len(codes.concepts), seed=0)
    rate = log.correct.mean()
    at = 7
    same = log.question == log.question[at]
    concept = log.sets == log.sets[at]
    base = (log.correct[concept].sum() + OF_CONCEPT * rate) / (concept.sum() + OF_CONCEPT)
    wanted = (log.correct[same].sum() + OF_QUESTION * base) / (same.sum() + OF_QUESTION)
    assert np.isclose(found(log, coded)[0, at], wanted)
    assert np.isclose(found(log, coded)[1, at], HEARD * same.sum())


def test_a_training_student_is_told_nothing_of_its_own_answers() -> None:
    log = class_of(students=30, seed=3)
    codes = Codes.of(log)
    coded = codes(log)
    folds = Expected.folds(len(log), 0)
    assert np.bincount(folds).tolist() == [len(log) // FOLDS] * FOLDS

    def told(correct: np.ndarray) -> np.ndarray:
        answered = log.answered(correct)
        made = Expected.of(answered, coded, len(codes.questions), len(codes.concepts), seed=0)
        return made(answered, coded, folds)

    correct = log.correct.copy()
    own = slice(log.offsets[4], log.offsets[5])
    correct[own] = 1 - correct[own]
    before, after = told(log.correct), told(correct)
    # only the overall rate, which all answers share, may move the student's own numbers, and it hardly does
    assert np.abs(after - before)[0, own].max() < 0.02
    fellows = folds[log.student] != folds[4]
    assert np.abs(after - before)[0, fellows].max() > 0.02


def test_questions_never_seen_are_expected_from_their_concepts() -> None:
    log = class_of()
    codes = Codes.of(log)
    coded = codes(log)
    found = Expected.of(log, coded, len(codes.questions), len(codes.concepts), seed=0)
    new = AnswerLog(
        log.students, tuple(f"new {q}" for q in log.questions), log.concepts, log.offsets, log.question,
        log.sets, log.concept_sets, log.correct,
    )  # fmt: skip
    expected = found(new, codes(new))
    assert (expected[1] == 0).all()
    rates, _, _ = found.tables()
    np.testing.assert_allclose(expected[0], rates[coded.table[coded.sets][:, 0]])
