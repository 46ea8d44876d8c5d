"""The audit in the report: its lines, its drift, its pictures, and pages that can be drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from umbel.app.report.charts import chart
from umbel.data.auditing import audit
from umbel.data.problem import Problem
from umbel.data.split import Split
from umbel.training.audit_section import MOST, audit_section


def table(tasks: int) -> pd.DataFrame:
    chance = np.random.default_rng(0)
    frame = pd.DataFrame({f"t{k}": chance.normal(size=300) for k in range(tasks)})
    return frame.assign(x=chance.normal(size=300), who=np.arange(300) // 2)


def test_an_honest_split_has_its_checks_and_no_picture() -> None:
    frame = table(2)
    report = audit(frame, Problem.of(["t0", "t1"], entity="who"), Split.of(np.arange(300) // 100))
    section = audit_section(report)
    assert "0 leaks, 0 warnings" in section.text[0]
    assert "train 100" in section.text[0]
    checks, drift = section.tables
    assert checks.rows == report.lines()
    assert [len(row) for row in drift.rows] == [len(drift.columns)] * 4
    assert {row[-1] for row in drift.rows} == {""}
    assert section.figures == []


def test_a_leak_is_drawn_for_every_pair_of_tasks() -> None:
    frame = table(20)
    targets = [f"t{k}" for k in range(20)]
    frame.loc[frame.index % 2 == 0, targets[15:]] = np.nan
    report = audit(frame, Problem.of(targets, entity="who", inputs="x"), Split.of(np.tile([0, 2], 150)))
    section = audit_section(report)
    (heat,) = section.figures
    assert heat.title == "Entities in train and in test"
    assert heat.matrix is not None
    assert heat.matrix.shape == (MOST, MOST)
    assert (heat.matrix == 150).all()
    assert "left out (8)" in heat.caption
    assert heat.labels == (targets[:MOST], targets[:MOST])
    assert chart(heat, "heat")
    assert section.tables[0].rows[0][2] == "leak"
    assert len(section.tables[1].rows) == MOST
    assert "left out" in section.tables[1].caption


def test_drift_and_what_tells_are_shown() -> None:
    frame = table(1)
    late = np.arange(300) >= 150
    frame["x"] += 2.0 * late
    frame["t0"] += 2.0 * late
    report = audit(frame, Problem.of("t0", inputs="x"), Split.of(np.where(late, 2, 0)))
    section = audit_section(report)
    assert section.tables[1].rows[0][-1] == "drifts"
    assert section.tables[1].rows[0][:2] == ["t0", "test"]
    (bars,) = section.figures
    assert bars.series[0].x == ["x"]
    assert bars.series[0].y[0] > 0.2
    assert chart(bars, "bars")
