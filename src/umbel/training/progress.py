"""A progress bar that shows each task."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

__all__ = ["Progress"]


class Progress:
    """Steps done, and each target's validation loss with its best epoch; on standard error.

    :param title: what is being fitted.
    :param epochs: epochs at most.
    :param steps: steps of an epoch.
    :param show: True or False; None shows it where standard error is a terminal.
    """

    def __init__(self, title: str, epochs: int, steps: int, *, show: bool | None = None) -> None:
        self.title, self.total, self.steps = title, epochs * steps, steps
        self.show = sys.stderr.isatty() if show is None else show
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if self.show:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                TimeRemainingColumn(),
                TextColumn("{task.fields[told]}"),
                console=Console(stderr=True),
                refresh_per_second=4,
            )
            self._bar.start()
            self._task = self._bar.add_task(self.title, total=self.total, told="")
        return self

    def step(self, number: int) -> None:
        """So many steps are done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=number)

    def epoch(self, epoch: int, losses: Mapping[str, float | None], best: Mapping[str, int]) -> None:
        """Tell the validation losses after an epoch; a star marks a target that is at its best."""
        if self._bar is None:
            return
        known = [(name, value) for name, value in losses.items() if value is not None]
        told = "  ".join(f"{n} {v:.4f}{'*' if best[n] == epoch else ''}" for n, v in known[:8])
        more = f"  and {len(known) - 8} more" if len(known) > 8 else ""
        self._bar.update(self._task, told=f"epoch {epoch}  {told}{more}", description=self.title)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
