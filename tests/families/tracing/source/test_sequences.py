from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.errors import ConfigError
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.families.tracing.source.sequences import Sequences


def log_of(lengths: list[int]) -> AnswerLog:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    count = int(offsets[-1])
    chance = np.random.default_rng(0)
    return AnswerLog(
        tuple(f"s{i}" for i in range(len(lengths))),
        ("a", "b", "c"),
        ("x", "y"),
        offsets,
        chance.integers(0, 3, count),
        chance.integers(0, 3, count),
        Concepts.of([(0,), (1,), (0, 1)]),
        chance.integers(0, 2, count).astype(float),
    )


@settings(deadline=None, max_examples=40)
@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(lambda x: sum(x) > 0),
    longest=st.sampled_from([None, 7, 16]),
    context=st.integers(0, 5),
    seed=st.sampled_from([None, 3]),
)
def test_every_answer_is_scored_once(
    lengths: list[int], longest: int | None, context: int, seed: int | None
) -> None:
    log = log_of(lengths)
    made = Sequences(log, Codes.of(log)(log), tokens=60, longest=longest, context=context)
    times = np.zeros(log.steps, dtype=int)
    for batch, place in made.batches(seed):
        scored = place.numpy() >= 0
        np.add.at(times, place.numpy()[scored], 1)
        assert (batch.weights["correct"].numpy() > 0).tolist() == scored.tolist()
        at = place.numpy()[scored]
        np.testing.assert_array_equal(batch.targets["correct"].numpy()[scored], log.correct[at])
        np.testing.assert_array_equal(batch.inputs["correct"].numpy()[scored], log.correct[at])
        if longest is not None:
            assert place.shape[1] <= longest
    assert (times == 1).all()


def test_context_repeats_what_stood_before() -> None:
    log = log_of([10, 0, 6, 11])
    made = Sequences(log, Codes.of(log)(log), longest=6, context=2)
    assert [(w.start, w.context, w.stop) for w in made.windows()] == [
        (0, 0, 6), (4, 2, 10), (10, 0, 16), (16, 0, 22), (20, 2, 26), (24, 2, 27),
    ]  # fmt: skip


def test_a_window_has_steps_of_its_own() -> None:
    log = log_of([10])
    with pytest.raises(ConfigError, match="6 of 6"):
        Sequences(log, Codes.of(log)(log), longest=6, context=6)


def test_neighbours_in_length_go_together() -> None:
    lengths = [3, 50, 4, 48, 3, 52]
    log = log_of(lengths)
    made = Sequences(log, Codes.of(log)(log), tokens=160)
    groups = [[w.stop - w.start for w in group] for group in made.plan()]
    padded = sum(max(group) * len(group) for group in groups)
    assert padded < 1.1 * sum(lengths)


def test_unknown_labels_have_no_weight() -> None:
    log = log_of([4])
    seconds = np.array([1.0, np.nan, 3.0, np.nan])
    batch, _ = next(Sequences(log, Codes.of(log)(log), targets={"seconds": seconds}).batches())
    assert batch.weights["seconds"].tolist() == [[1, 0, 1, 0]]
    assert batch.targets["seconds"].tolist() == [[1, 0, 3, 0]]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_is_drawn(seed: int) -> None:
    log = log_of(list(range(1, 30)))
    made = Sequences(log, Codes.of(log)(log), tokens=64)
    assert made.plan(seed) == made.plan(seed)
    assert made.plan(seed) != made.plan(seed + 1)
