"""What each task relies on: a task that one modality tells of loses without that one only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from umbel.data.prepare import Prepared, prepare
from umbel.data.problem import Problem
from umbel.training.held import fit_rules, held_out
from umbel.training.making import make
from umbel.training.reliance import reliance_section, shuffled


@pytest.fixture(scope="module")
def data() -> Prepared:
    chance = np.random.default_rng(0)
    x, told = chance.normal(size=500), chance.integers(0, 2, 500)
    table = pd.DataFrame(
        {
            "x": x,
            "level": np.where(chance.random(500) < 0.5, "p", "q"),
            "said": np.where(told == 1, "yes", "no"),
            "by_number": x + 0.3 * chance.normal(size=500),
            "by_word": np.where(chance.random(500) < 0.9, told, 1 - told),
        }
    )
    types = {"x": "number", "level": "category", "said": "text"}
    return prepare(table, Problem.of(["by_number", "by_word"], types=types), seed=0)


def test_a_task_loses_without_what_tells_of_it(data: Prepared) -> None:
    learner = make("linear").fit(data.train, data.valid)
    rules = fit_rules(held_out(learner, data.valid))
    section = reliance_section("joint", learner, data.test, rules, seed=0)
    assert section is not None
    lost = {(task, modality): (value, low) for task, _, modality, value, low, _ in section.tables[0].rows}
    assert lost["by_number", "numbers"][0] > 0.8
    assert lost["by_number", "numbers"][1] > 0.5
    assert abs(lost["by_number", "text"][0]) < 0.02
    assert lost["by_word", "text"][0] > 0.2
    assert abs(lost["by_word", "numbers"][0]) < 0.05
    assert all(abs(lost[task, "categories"][0]) < 0.1 for task in ("by_number", "by_word"))


def test_the_shares_of_a_gated_net_are_told(data: Prepared) -> None:
    net = make("net", {"fusion": "gated", "epochs": 2, "width": 8}).fit(data.train, data.valid)
    section = reliance_section("joint", net, data.test, fit_rules(held_out(net, data.valid)), seed=0)
    assert section is not None
    shares = dict(section.tables[1].rows)
    assert set(shares) == {"numbers", "categories", "text"}
    assert sum(shares.values()) == pytest.approx(1, abs=0.01)


def test_cells_of_a_row_are_dealt_together(data: Prepared) -> None:
    dealt = shuffled(data.test, ["x", "level"], 0)
    before, after = (rows.frame(["x", "level"]) for rows in (data.test, dealt))
    assert not before.equals(after)
    pd.testing.assert_frame_equal(
        before.sort_values("x").reset_index(drop=True), after.sort_values("x").reset_index(drop=True)
    )
    assert dealt.column("said").equals(data.test.column("said"))
    np.testing.assert_array_equal(dealt.values("by_word"), data.test.values("by_word"))


def test_one_modality_has_no_section(data: Prepared) -> None:
    rows = data.test.seeing(type(data.dataset.schema)(tuple(data.dataset.schema.of("number"))))
    learner = make("constant").fit(data.train, data.valid)
    assert reliance_section("joint", learner, rows, {}, seed=0) is None
