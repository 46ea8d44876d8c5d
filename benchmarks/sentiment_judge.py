"""Answers about the reviews held against each other: by domain, and with intervals over reviews and seeds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from over_seeds import over_seeds
from record import Table
from sentiment_data import reviews

from umbel.app.run import plain
from umbel.judging.bootstrap import Percentile, Resamples
from umbel.judging.verdict import verdict
from umbel.training.files import write_text

__all__ = ["Found", "by_domain", "difference", "merged", "tables"]

RESAMPLES = 2000


@dataclass
class Found:
    """Answers of one seed.

    :param rows: the test reviews.
    :param right: of polarity, by model, [rows] bool; ``missed``: the stars' errors, [rows].
    """

    rows: NDArray[np.int64]
    right: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    missed: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    def take(
        self, name: str, praise: NDArray[np.float64], stars: NDArray[np.float64], seconds: float
    ) -> None:
        """Keep a model's answers, and say how good they are."""
        frame = reviews().iloc[self.rows]
        self.right[name] = (praise > 0.5) == (frame["polarity"].to_numpy() > 0.5)
        self.missed[name] = stars - frame["stars"].to_numpy()
        self.seconds[name] = seconds
        told = by_domain(self.right[name], self.rows)
        print(f"  {name}", {k: round(v, 4) for k, v in told.items()}, f"{seconds:.1f} s", flush=True)

    def write(self, path: Path) -> None:
        """All of it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(plain(asdict(self))))

    @staticmethod
    def read(path: Path) -> Found:
        """What :meth:`write` wrote."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        right = {name: np.array(line, dtype=bool) for name, line in kept["right"].items()}
        missed = {name: np.array(line, dtype=float) for name, line in kept["missed"].items()}
        return Found(np.array(kept["rows"]), right, missed, kept["seconds"], kept["told"])


def merged(parts: Sequence[Found]) -> Found:
    """What was found of one seed in several parts."""
    found = Found(parts[0].rows)
    for part in parts:
        found.right |= part.right
        found.missed |= part.missed
        found.seconds |= part.seconds
        found.told |= part.told
    return found


def by_domain(values: NDArray[Any], rows: NDArray[np.int64]) -> dict[str, float]:
    """Mean of each domain's rows."""
    domain = reviews()["domain"].to_numpy()[rows]
    return {str(name): float(values[domain == name].mean()) for name in np.unique(domain)}


def difference(runs: Sequence[Found], one: str, other: str) -> dict[str, Any]:
    """Accuracy of one model less that of another: mean over domains, of all seeds and of each.

    :returns: ``all`` and ``each``: difference, low, high by a paired bootstrap of entities; ``wider``: with
        the spread over seeds.
    """
    rows = np.concatenate([r.rows for r in runs])
    gap = np.concatenate([r.right[one].astype(float) - r.right[other] for r in runs])
    seed = np.concatenate([np.full(len(r.rows), s) for s, r in enumerate(runs)])
    frame = reviews().iloc[rows]
    domain, entity = frame["domain"].to_numpy(), frame["entity"].to_numpy()
    drawn, rule, names = Resamples(entity, RESAMPLES, 0), Percentile(), np.unique(domain)

    def means(where: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Of each resample the mean over domains, [R + 1]."""
        total = np.zeros(RESAMPLES + 1)
        for name in names:
            mine = np.flatnonzero(where & (domain == name))
            for span, counts in drawn.blocks(mine):
                total[span] += gap[mine] @ counts / counts.sum(axis=0)
        return total / len(names)

    def told(values: NDArray[np.float64]) -> list[float]:
        ends = rule(values[1:], len(np.unique(entity)))
        assert ends is not None
        return [float(values[0]), *map(float, ends)]

    each = [means(seed == s) for s in range(len(runs))]
    points, replicates = np.array([e[0] for e in each]), np.mean([e[1:] for e in each], axis=0)
    whole = told(np.mean(each, axis=0))
    return {"all": whole, "each": [told(e) for e in each], "wider": list(over_seeds(points, replicates))}


def tables(runs: Sequence[Found], pairs: Sequence[tuple[str, str]]) -> tuple[list[Table], dict[str, Any]]:
    """Scores, and differences between pairs of models."""
    names = list(by_domain(runs[0].right["constant"], runs[0].rows))
    scores, gaps, raw = [], [], {}
    for model in runs[0].right:
        each = [by_domain(r.right[model], r.rows) for r in runs]
        rmse = np.mean([np.sqrt(np.mean(r.missed[model] ** 2)) for r in runs])
        mean = [float(np.mean([e[name] for e in each])) for name in names]
        seconds = float(np.mean([r.seconds[model] for r in runs]))
        scores.append([model, *mean, float(np.mean(mean)), float(rmse), seconds])
    for one, other in pairs:
        if one in runs[0].right and other in runs[0].right:
            raw[f"{one} minus {other}"] = gap = difference(runs, one, other)
            each_seed = ", ".join(f"{m:+.4f} [{low:+.4f}, {high:+.4f}]" for m, low, high in gap["each"])
            _, low, high = gap["wider"]
            line = [f"{one} minus {other}", *gap["all"], verdict(*gap["all"][1:]), low, high, each_seed]
            gaps.append(line)
    short = [name.partition("_")[0] for name in names]
    return [
        Table(
            "Amazon reviews: test accuracy of polarity by domain and on average, RMSE of the stars, "
            "CPU-seconds a seed.",
            ["model", *short, "mean", "RMSE of stars", "CPU-s"],
            scores,
        ),
        Table(
            "Differences of mean accuracy. The first interval (95 %, paired bootstrap of entities) covers "
            "the test reviews of all seeds, which are different ones; the wider adds the spread over seeds.",
            ["models", "difference", "low", "high", "verdict", "wider low", "wider high", "each seed"],
            gaps,
        ),
    ], raw
