"""A limit of wall time."""

from __future__ import annotations

import signal
import time

import pytest

from umbel.app.timing import TimeUpError, within


def test_what_takes_too_long_is_ended_and_told() -> None:
    former = signal.getsignal(signal.SIGALRM)
    begin = time.monotonic()
    with pytest.raises(TimeUpError) as caught, within(0.05 / 60):
        time.sleep(5)
    assert time.monotonic() - begin < 2
    assert caught.value.exit_code == 2
    assert "--resume" in caught.value.remedy
    assert signal.getsignal(signal.SIGALRM) is former


def test_what_is_quick_is_left_alone() -> None:
    with within(1):
        done = True
    assert done
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    with within(None):
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
