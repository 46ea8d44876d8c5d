"""The progress bar."""

from __future__ import annotations

import pytest

from umbel.training.progress import Progress


def told(capfd: pytest.CaptureFixture[str], show: bool | None) -> str:
    with Progress("net", 2, 3, show=show) as progress:
        progress.step(3)
        progress.epoch(1, {"height": 0.5, "sick": None, "grade": 0.25}, {"height": 1, "sick": 1, "grade": 0})
    captured = capfd.readouterr()
    assert captured.out == ""
    return captured.err


def test_it_shows_each_task_when_asked_to(capfd: pytest.CaptureFixture[str]) -> None:
    text = told(capfd, True)
    assert "net" in text
    assert "epoch 1" in text
    assert "height 0.5000*" in text
    assert "grade 0.2500 " in text.replace("\n", " ")
    assert "sick" not in text


@pytest.mark.parametrize("show", [False, None])
def test_it_is_quiet_else(capfd: pytest.CaptureFixture[str], show: bool | None) -> None:
    assert told(capfd, show) == ""
