"""Speed of knowledge tracing, interleaved with a plain LSTM in the same run; CPU time, one thread, ratios.

    python benchmarks/tracing_speed.py [--rounds 5]

Training: real answers per CPU-second over a whole epoch (forward, backward, update) of ASSISTments 2009,
against a plain torch.nn.LSTM of 100 units on batches of 32 students in random order, padded to the longest,
and against the same with students cut to parts of 200 answers, as pyKT cuts them. In service: an update of
one student, and of 256 students at once, against one call of torch's LSTMCell of 100 units.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import torch
from record import Table, record
from torch import Tensor, nn
from tracing_data import assist2009

from umbel.families.tracing.learn.epochs import Epochs
from umbel.families.tracing.model.tracer import TRACERS
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.split import split_students

UNITS, STUDENTS = 100, 32


class PlainLSTM(nn.Module):
    """What anybody writes first: an embedding of (concept set, answer), an LSTM, one output per set."""

    def __init__(self, sets: int) -> None:
        super().__init__()
        self.sets = sets
        self.answers = nn.Embedding(2 * sets + 1, UNITS)
        self.lstm = nn.LSTM(UNITS, UNITS, batch_first=True)
        self.out = nn.Linear(UNITS, sets)

    def forward(self, asked: Tensor, correct: Tensor) -> Tensor:
        """Logits before each step, [B, T]."""
        said = asked + self.sets * correct.long() + 1
        before = torch.cat([torch.zeros_like(said[:, :1]), said[:, :-1]], dim=1)
        state, _ = self.lstm(self.answers(before))
        return self.out(state).gather(2, asked[..., None])[..., 0]


def plain_epoch(log: AnswerLog, longest: int | None) -> Callable[[], None]:
    """One epoch of the plain LSTM on unbucketed batches.

    :param longest: students are cut to parts of so many answers; None for whole ones.
    """
    net = PlainLSTM(len(log.concept_sets))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    spans = [
        slice(begin, min(begin + (longest or log.steps), stop))
        for start, stop in zip(log.offsets[:-1].tolist(), log.offsets[1:].tolist(), strict=True)
        for begin in range(start, stop, longest or log.steps)
    ]
    order = np.random.default_rng(0).permutation(len(spans))
    batches = []
    for begin in range(0, len(order), STUDENTS):
        parts = [spans[i] for i in order[begin : begin + STUDENTS]]
        wide = max(span.stop - span.start for span in parts)
        asked = torch.zeros(len(parts), wide, dtype=torch.long)
        correct, weight = torch.zeros(len(parts), wide), torch.zeros(len(parts), wide)
        for i, span in enumerate(parts):
            count = span.stop - span.start
            asked[i, :count] = torch.from_numpy(log.sets[span])
            correct[i, :count] = torch.from_numpy(log.correct[span]).float()
            weight[i, :count] = 1
        batches.append((asked, correct, weight))

    def run() -> None:
        for asked, correct, weight in batches:
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(
                net(asked, correct), correct, weight=weight, reduction="sum"
            )
            (loss / weight.sum()).backward()
            optimizer.step()

    run.padded = sum(a.numel() for a, _, _ in batches)  # type: ignore[attr-defined]
    return run


def own_epoch(name: str, train: AnswerLog, valid: AnswerLog) -> Callable[[], None]:
    """One epoch of one of our networks, its batches made anew as in a fit; validation is not part of it."""
    model = TRACERS.get(name)()
    model._prepare(train)
    model._make()
    sequences = model._training(train)
    few = model.sequences(valid.take([0]))
    epochs = Epochs(model.net, sequences, few, model.tasks, epochs=1, prior=model.prior(), patience=99)
    state = {"rounds": 0}

    def run() -> None:
        state["rounds"] += 1
        epochs.epochs = state["rounds"]
        epochs.best = {}
        epochs.run()

    return run


def spent(work: Callable[[], Any]) -> float:
    """CPU-seconds."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def training(log: AnswerLog, rounds: int) -> tuple[dict[str, Any], list[list[Any]]]:
    """Rates by network, each round one epoch of each in turn."""
    parts = split_students(log, seed=0)
    plain = plain_epoch(parts.train, None)
    work = {"plain LSTM": plain, "plain LSTM, parts of 200": plain_epoch(parts.train, 200)} | {
        name: own_epoch(name, parts.train, parts.valid) for name in ("dkt", "rasch_lstm")
    }
    for one in work.values():
        one()  # warm
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, one in work.items():
            seconds[name].append(spent(one))
    steps, padded = parts.train.steps, plain.padded  # type: ignore[attr-defined]
    real = {name: steps / float(np.median(found)) for name, found in seconds.items()}
    padded_rate = padded / float(np.median(seconds["plain LSTM"]))
    rows = [
        [
            name,
            rate,
            float(np.median([p / s for p, s in zip(seconds["plain LSTM"], seconds[name], strict=True)])),
        ]
        for name, rate in real.items()
    ]
    found = {
        "real": real,
        "plain padded": padded_rate,
        "padding": padded / steps,
        "seconds": seconds,
        "dkt over plain, real answers": rows[2][2],
        "dkt over plain in parts of 200, real answers": rows[2][2] / rows[1][2],
        "rasch_lstm in real answers over plain in padded ones": float(
            np.median(
                [
                    (steps / s) / (padded / p)
                    for p, s in zip(seconds["plain LSTM"], seconds["rasch_lstm"], strict=True)
                ]
            )
        ),
    }
    return found, rows


def serving(log: AnswerLog, rounds: int) -> tuple[dict[str, Any], list[list[Any]]]:
    """Microseconds of an update, of one student and of 256 at once, beside an LSTMCell."""
    parts = split_students(log, seed=0)
    model = TRACERS.get("rasch_lstm")(epochs=1).fit(parts.train, parts.valid)
    test = parts.test
    answers = [
        (
            test.questions[test.question[t]],
            [test.concepts[c] for c in test.concept_sets[test.sets[t]]],
            float(test.correct[t]),
        )
        for t in range(test.offsets[0], test.offsets[40])
    ]
    cell = nn.LSTMCell(UNITS, UNITS)
    x, kept = torch.randn(1, UNITS), (torch.zeros(1, UNITS), torch.zeros(1, UNITS))
    pool, coded = model.pool(256), model.codes(test)
    table = coded.table[coded.sets]
    everyone = np.arange(256)
    count = len(answers)

    def one() -> None:
        state = model.begin()
        for question, concepts, correct in answers:
            model.update(state, question, concepts, correct)

    def torchs() -> None:
        with torch.no_grad():
            h = kept
            for _ in range(count):
                h = cell(x, h)

    def many() -> None:
        for begin in range(0, 100 * 256, 256):
            at = np.arange(begin, begin + 256)
            pool.update(everyone, coded.question[at], table[at], test.correct[at])

    for work in (one, torchs, many):
        work()
    micro: dict[str, list[float]] = {"one student": [], "LSTMCell": [], "256 students, each": []}
    for _ in range(rounds):
        micro["one student"].append(1e6 * spent(one) / count)
        micro["LSTMCell"].append(1e6 * spent(torchs) / count)
        micro["256 students, each"].append(1e6 * spent(many) / (100 * 256))
    middle = {name: float(np.median(found)) for name, found in micro.items()}
    ratios = {
        "update over LSTMCell": float(
            np.median(np.array(micro["one student"]) / np.array(micro["LSTMCell"]))
        ),
        "each of 256 over one": float(
            np.median(np.array(micro["256 students, each"]) / np.array(micro["one student"]))
        ),
        "bytes of the recurrent state": sum(part.nbytes for part in model.begin()["memory"]),
    }
    return {**middle, **ratios}, [[name, value] for name, value in middle.items()]


def bkt(log: AnswerLog) -> float:
    """CPU-seconds of EM for all skills."""
    parts = split_students(log, seed=0)
    return spent(lambda: TRACERS.get("bkt")().fit(parts.train, parts.valid))


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    torch.manual_seed(0)
    log = assist2009()
    trained, rates = training(log, rounds)
    served, micro = serving(log, 4 * rounds)
    em = bkt(log)
    targets = [
        ["our LSTM over the plain one", trained["dkt over plain, real answers"], 3.0, "at least"],
        [
            "the same, the plain one on parts of 200 answers (not asked)",
            trained["dkt over plain in parts of 200, real answers"],
            None,
            "",
        ],
        [
            "rasch_lstm, real answers, over the plain LSTM's padded ones",
            trained["rasch_lstm in real answers over plain in padded ones"],
            0.6,
            "at least",
        ],
        ["update of one student over a call of LSTMCell", served["update over LSTMCell"], 1 / 3, "at most"],
        ["update of each of 256 students over that of one", served["each of 256 over one"], 0.2, "at most"],
        ["bytes of the recurrent state", served["bytes of the recurrent state"], 1000, "at most"],
        ["CPU-seconds of BKT for all 110 skills", em, 20.0, "at most"],
    ]  # fmt: skip
    for line in targets:
        print(*line)
    record(
        "tracing-speed",
        {"training": trained, "serving": served, "bkt": em},
        seeds=[0],
        tables=[
            Table("What was asked, and what was measured.", ["", "measured", "asked", ""], targets),
            Table(
                "Training on ASSISTments 2009: real answers per CPU-second.",
                ["network", "answers/s", "times the plain LSTM"],
                rates,
            ),
            Table("In service: microseconds of CPU time.", ["", "µs"], micro),
        ],
    )


if __name__ == "__main__":
    main()
