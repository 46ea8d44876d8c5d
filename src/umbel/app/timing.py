"""A limit of wall time for a command."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from umbel.errors import ConfigError, UmbelError

__all__ = ["TimeUpError", "within"]


class TimeUpError(UmbelError):
    """The wall time a command was given is over; what was written before stands."""


@contextmanager
def within(minutes: float | None) -> Iterator[None]:
    """End what runs inside after some wall time.

    :param minutes: None for no limit.
    :raises TimeUpError: the time is over.
    :raises ConfigError: this system or thread cannot end a command in time.
    """
    if minutes is None:
        yield
        return
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        raise ConfigError("--minutes needs a system with timers", remedy="leave --minutes out")

    def over(number: int, frame: FrameType | None) -> None:
        raise TimeUpError(
            f"a command ends within its --minutes ({minutes:g})",
            found="it was not done; a checkpoint, if there is one, is kept",
            remedy="give more --minutes; `umbel fit --resume` goes on from a checkpoint",
        )

    former = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, max(minutes * 60, 1e-6))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
