"""A comparison as the floors below make one, small enough to draw in a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from umbel.app.report.content import Report, report_of
from umbel.app.run import SCORE_COLUMNS
from umbel.judging.section import Figure, Section, Series, TableData

TASKS = {
    "genres": ("macro_auc", 0.823, 0.831, 0.004),
    "certificate": ("quadratic_kappa", 0.607, 0.561, 0.03),
    "tomatometer": ("r2", 0.281, 0.295, 0.012),
    "critic_rating": ("r2", 0.265, 0.301, 0.014),
    "metacritic": ("r2", 0.331, 0.387, 0.025),
    "box_office": ("r2", 0.531, 0.536, 0.02),
    "oscars": ("auc", 0.861, 0.858, 0.01),
}


def scores() -> pd.DataFrame:
    """Two models, one baseline, and a metric that is undefined for one of them."""
    rows: list[dict[str, Any]] = []
    for task, (metric, alone, joint, half) in TASKS.items():
        for model, value in (
            ("constant", None),
            ("linear", alone - 0.01),
            ("independent", alone),
            ("joint", joint),
        ):
            row: dict[str, Any] = {"task": task, "metric": metric, "model": model, "value": value}
            if value is not None:
                row |= {"low": value - half, "high": value + half}
            if model != "independent" and value is not None:
                gain = value - alone
                low, high = gain - half, gain + half
                verdict = "gains" if low > 0 else "loses" if high < 0 else "no evidence"
                row |= {"gain": gain, "gain_low": low, "gain_high": high, "verdict": verdict}
            rows.append(row)
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def verdicts() -> Section:
    """The verdict table and the gains, with the columns that judging gives them."""
    frame = scores()
    joint = frame[frame["model"] == "joint"]
    rows: list[list[Any]] = [
        [
            r.task,
            r.metric,
            3494,
            f"{r.value - r.gain:.3f}",
            f"{r.value:.3f}",
            f"{r.gain:+.3f}",
            f"[{r.gain_low:+.3f}, {r.gain_high:+.3f}]",
            r.verdict,
        ]
        for r in joint.itertuples()
    ]
    columns = ["task", "metric", "test rows", "independent", "joint", "gain", "95 % interval", "verdict"]
    gain, low, high = (joint[c].to_numpy() for c in ("gain", "gain_low", "gain_high"))
    gains = Series("joint", list(joint["task"]), gain, low, high)
    figure = Figure("intervals", "Gain of joint over independent", [gains], x_label="gain")
    return Section(
        "Verdicts",
        ["Every model is scored on the same known test rows."],
        [TableData(columns, rows, "Does a task gain from the joint model over independent?")],
        [figure],
    )


def sections() -> list[Section]:
    """One section for every kind of figure."""
    random = np.random.default_rng(0)
    names = list(TASKS)
    epochs = np.arange(1, 31)
    curves = [
        Figure(
            "lines",
            f"{name}: validation",
            [
                Series("joint", epochs, 1 + np.exp(-epochs / 6) + 0.01 * i),
                Series("independent", epochs, 1.02 + np.exp(-epochs / 5) + 0.002 * epochs),
            ],
            x_label="epoch",
            y_label="loss",
        )
        for i, name in enumerate(names[:4])
    ]
    matrix = random.uniform(-0.6, 0.9, (7, 7))
    matrix[2, 3] = np.nan
    large = random.uniform(-1, 1, (60, 60))
    calibration = Figure(
        "calibration",
        "oscars",
        [
            Series("joint", [0.05, 0.2, 0.5, 0.8], [0.04, 0.25, 0.45, 0.85]),
            Series("linear", [0.1, 0.6], [0.2, 0.5]),
        ],
        x_label="predicted",
        y_label="seen",
    )
    counts = Figure(
        "bars", "Known labels", [Series("", names, [17000, 15000, 9000, 9000, 6800, 2800, 17472])]
    )
    table = TableData(
        ["truth", "G", "PG", "R"], [["G", 12, 3, 0], ["PG", 4, 40, 9], ["R", 0, 7, 51]], "Rows: the truth."
    )
    pairs = [
        Series("average", names, [0.01] * 7, [0.0] * 7, [0.02] * 7),
        Series("stacked", names, [-0.01] * 7, [-0.03] * 7, [0.0] * 7),
    ]
    return [
        verdicts(),
        Section("Learning curves", ["Each task has its own best epoch."], [], curves),
        Section(
            "Tasks beside each other",
            ["Rows known for both tasks, and how their residuals go together."],
            [],
            [
                Figure("heat", "Residual correlation", matrix=matrix, labels=(names, names)),
                Figure("heat", "Many", matrix=large, labels=([f"t{i}" for i in range(60)],) * 2),
                counts,
            ],
        ),
        Section(
            "Calibration",
            [],
            [table],
            [calibration, Figure("intervals", "Ensembles", pairs), Figure("bars", "None")],
        ),
        Section("Empty"),
    ]


class _Scores:
    def frame(self) -> pd.DataFrame:
        return scores()


@dataclass
class FakeComparison:
    """What ``umbel.compare`` returns, without fitting anything."""

    scores: Any = field(default_factory=_Scores)
    sections: list[Section] = field(default_factory=sections)
    recommendation: str = (
        "Learn critic_rating and metacritic together with the others, certificate alone.\n"
        "There is no evidence either way for tomatometer, box_office and oscars: take the cheaper model."
    )
    costs: dict[str, Any] = field(
        default_factory=lambda: {
            "constant": {"cpu_seconds": 0.1, "parameters": 30},
            "linear": {"cpu_seconds": 9.2, "parameters": 91_234},
            "independent": {"cpu_seconds": 41.0, "parameters": 3_500_000},
            "joint": {"cpu_seconds": 21.5, "parameters": 812_345},
        }
    )
    facts: dict[str, Any] = field(
        default_factory=lambda: {
            "rows": {"train": 12_230, "valid": 1_748, "test": 3_494},
            "seed": 0,
            "notes": ["No entity is on two sides."],
            "versions": {"umbel": "0.1.0", "torch": "2.13.0"},
            "chosen": {"joint": {"epochs": {"genres": 25}}},
            "left_out": {"gaussian_process": "more than 2,000 rows"},
        }
    )
    model: Any = None


@pytest.fixture(scope="session")
def comparison() -> FakeComparison:
    """A comparison that nobody had to compute."""
    return FakeComparison()


@pytest.fixture(scope="session")
def report(comparison: FakeComparison) -> Report:
    """Its report."""
    return report_of(
        comparison, title="films: 7 targets", config="problem:\n  by: null\n", command="umbel demo --seed 1"
    )
