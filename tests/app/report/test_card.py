"""The model card."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from umbel.app.report.card import card
from umbel.app.report.content import Report


@pytest.fixture
def model() -> Any:
    """As much of a model as a card tells."""
    target = SimpleNamespace(name="a|b <i>", kind=SimpleNamespace(name="binary"))
    learner = type("Learner", (), {"name": "net", "parameters": 812345})()
    column = SimpleNamespace(name="x", type="number")
    return SimpleNamespace(
        tasks_=SimpleNamespace(targets=(target,), by="school", groups=("1", "2")),
        learner_=learner,
        schema_=SimpleNamespace(columns=(column,)),
    )


def test_a_card_tells_what_how_good_how_made_and_limits(report: Report, model: Any) -> None:
    text = card(replace(report, facts=report.facts | {"saved": "joint"}), model)
    for part in (
        "# films: 7 targets",
        "`net`, 812,345 learned numbers",
        "| a\\|b \\<i\\> | binary |",
        "2 groups",
        "| metacritic | r2 | 0.387 | 0.362 to 0.412 |",
        "Rows: 12,230 train, 1,748 valid, 3,494 test.",
        "    umbel demo --seed 1",
        "## Limits",
    ):
        assert part in text


def test_a_card_without_scores_claims_none(model: Any) -> None:
    text = card(Report("t"), model)
    assert "How good" not in text
    assert "## Limits" in text
