"""A small class, and what every network of knowledge must hold to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from umbel.data.batch import Batch
from umbel.families.tracing.learn.likelihood import validation
from umbel.families.tracing.model.attention import CausalBlock
from umbel.families.tracing.model.net_tracer import NetTracer
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.log import AnswerLog, Concepts
from umbel.sharing.heads import Head
from umbel.tasks import KINDS, Target, TaskSet

SETS = [(0,), (1,), (2,), (0, 3), (4,), (1, 2, 4), ()]
"""Concept sets of the class: single ones, several, none."""


def classroom(students: int = 24, *, seed: int = 0, longest: int = 14, named: bool = True) -> AnswerLog:
    """Students of 1 to ``longest`` answers about 14 questions; each concept has a difficulty of its own.

    :param named: whether questions have names.
    """
    chance = np.random.default_rng(seed)
    lengths = np.concatenate([[1, longest], chance.integers(1, longest + 1, students - 2)])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    question = chance.integers(0, 14, offsets[-1])
    ability = np.repeat(chance.normal(0, 1.5, students), lengths)
    easy = np.array([2.0, -2.0, 1.0, 0.0, -1.0, 0.5, 0.0])[question % 7]
    correct = (chance.random(offsets[-1]) < 1 / (1 + np.exp(-ability - easy))).astype(np.float64)
    return AnswerLog(
        tuple(f"s{i}" for i in range(students)),
        tuple(f"q{i}" for i in range(14)),
        tuple("abcde"),
        offsets,
        question if named else np.full(offsets[-1], -1),
        question % 7,
        Concepts.of(SETS),
        correct,
    )


def tasks() -> TaskSet:
    """The one task."""
    kind = KINDS.get("binary")()
    kind.fitted = {"labels": [0, 1], "rate": 0.6}
    return TaskSet((Target("correct", kind),))


def batch_of(
    concepts: list[list[list[int]]], correct: list[list[float]], question: list[list[int]] | None = None
) -> Batch:
    """Students of one length: sets [B, T, K] filled with 0, answers [B, T], questions [B, T]."""
    said = torch.tensor(correct)
    asked = torch.zeros_like(said).long() if question is None else torch.tensor(question)
    inputs = {"question": asked, "concepts": torch.tensor(concepts), "correct": said}
    return Batch(inputs, {"correct": said}, {"correct": torch.ones_like(said)}, torch.arange(len(said)))


def fitted(name: str, *, longest: int | None = None, context: int = 0, **options: Any) -> NetTracer:
    """A network fitted to the class, and that its training lowers the loss of the class.

    :param longest, context: of windows; None leaves the model's own.
    """
    defaults = {"width": 8, "epochs": 12, "patience": 12, "rate": 2e-2, "tokens": 64}
    plain = {"dropout": 0.0, "average": 0.0, "calibration": "none"}
    model = TRACERS.get(name)(**{**defaults, **plain, **options})
    assert isinstance(model, NetTracer)
    if longest is not None:
        model.longest, model.context = longest, context
    log = classroom()
    model._prepare(log)
    model._make()
    before = validation(model.net, model.sequences(log), model.tasks)["correct"]
    model.fit(log, log)
    after = validation(model.net, model.sequences(log), model.tasks)["correct"]
    assert before is not None
    assert after is not None
    assert after < before - 0.02
    return model


def hold_no_leak(model: Tracer, *, at_once: int | None = None) -> None:
    """Changing answer t changes no forecast up to t, and one after it.

    :param at_once: steps of a window, behind which a change need not be seen.
    """
    one = classroom().take([1])  # the longest
    steps = one.steps
    every = one.take([0] * (steps + 1))
    correct = every.correct.reshape(steps + 1, steps)
    correct[np.arange(steps), np.arange(steps)] = 1 - correct[np.arange(steps), np.arange(steps)]
    told = model.predict(every.answered(correct.ravel())).reshape(steps + 1, steps)
    moved = np.abs(told[:-1] - told[-1])
    up_to, before = np.tril(np.ones((steps, steps), dtype=bool)), one.concept_sets.sizes[one.sets] > 0
    np.testing.assert_allclose(moved[up_to], 0.0, atol=1e-6)
    seen = np.where(up_to, 0.0, moved).max(axis=1)
    last = steps - 1 if at_once is None else at_once - 1
    assert seen[:last][before[:last]].min() > 1e-5  # answers about unknown concepts may say nothing


def hold_composition(model: Tracer) -> None:
    """Who else is in the log, and how long, changes no forecast."""
    log = classroom()
    together = model.predict(log)
    alone = np.concatenate([model.predict(log.take([i])) for i in range(6)])
    np.testing.assert_allclose(alone, together[: len(alone)], atol=1e-5)
    turned = model.predict(log.take(np.arange(len(log))[::-1].copy()))
    np.testing.assert_allclose(np.sort(turned), np.sort(together), atol=1e-5)


def hold_state(model: Tracer) -> None:
    """A model made again from its state forecasts the same, unknown names and sets too."""
    again = Tracer.from_state(model.state)
    log = classroom(8, seed=2)
    other = AnswerLog(
        log.students,
        ("new", *log.questions[1:]),
        ("strange", *log.concepts[1:]),
        log.offsets,
        log.question,
        log.sets,
        log.concept_sets,
        log.correct,
    )
    for one in (log, other):
        told = model.predict(one)
        assert np.isfinite(told).all()
        assert ((told > 0) & (told < 1)).all()
        np.testing.assert_array_equal(again.predict(one), told)
    assert np.abs(model.predict(other) - model.predict(log)).max() > 1e-4
    assert again.parameters == model.parameters > 0


def naive_block(block: CausalBlock, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """A block on one student, [T, D] each: step by step, head by head, with the equations of the papers."""
    attention = block.attention
    heads, T = attention.heads, len(query)
    parts = [
        layer(x).view(T, heads, -1)
        for layer, x in ((attention.ask, query), (attention.offer, key), (attention.give, value))
    ]
    found = []
    for t in range(T):
        seen = range(t) if attention.strict else range(t + 1)
        if not seen:
            found.append(torch.zeros_like(query[0]))
            continue
        mixed = []
        for h in range(heads):
            q, ks, vs = parts[0][t, h], parts[1][:, h], parts[2][:, h]
            score = [q @ ks[j] / len(q) ** 0.5 for j in seen]
            if attention.speed is not None:
                plain = torch.softmax(torch.stack(score), dim=0)
                theta = torch.log1p(torch.exp(attention.speed[h]))
                distance = [abs(t - j) * sum(plain[j + 1 :], torch.zeros(())).detach() for j in seen]
                score = [torch.exp(-theta * d) * s for d, s in zip(distance, score, strict=True)]
            weight = torch.softmax(torch.stack(score), dim=0)
            mixed.append(sum((weight[j] * vs[j] for j in seen), torch.zeros_like(vs[0])))
        found.append(attention.mix(torch.cat(mixed)))
    x = block.between(query + torch.stack(found))
    return block.behind(x + block.outer(torch.relu(block.inner(x))))


def loud(net: nn.Module) -> nn.Module:
    """The same network with heads that do not begin small, so that every part of it is heard."""
    for head in net.modules():
        if isinstance(head, Head):
            nn.init.normal_(head.weight)
    return net.eval()


def same(found: Tensor, expected: Tensor) -> None:
    """Equal but for rounding."""
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def refuses(name: str, words: str, **options: Any) -> None:
    """An option is refused by name."""
    from umbel.errors import ConfigError

    with pytest.raises(ConfigError, match=words):
        TRACERS.get(name)(**options)
