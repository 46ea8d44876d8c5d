"""What the command line says: results on standard output, all else on standard error."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Sequence
from typing import Any

from umbel.app.processes import leads
from umbel.app.run import plain

__all__ = ["Teller", "command_line", "print_json", "print_table"]


class Teller:
    """Says each step when it begins, with the seconds since the start; on standard error.

    :param quiet: say nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet or not leads()
        self._begin = time.monotonic()

    def __call__(self, step: str) -> None:
        """A step begins."""
        if not self.quiet:
            print(f"{time.monotonic() - self._begin:7.1f} s  {step}", file=sys.stderr, flush=True)


def command_line(arguments: Sequence[str] | None = None) -> str:
    """The exact command, as a shell takes it.

    >>> command_line(["compare", "my table.csv"])
    "umbel compare 'my table.csv'"
    """
    return shlex.join(["umbel", *(sys.argv[1:] if arguments is None else arguments)])


def print_json(value: Any) -> None:
    """A result as JSON on standard output; numbers that are not finite are null."""
    print(json.dumps(plain(value), ensure_ascii=False, indent=1))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[bool] = ()) -> None:
    """A table on standard output: lines and colours on a terminal, columns alone elsewhere.

    :param right: by column, whether it stands to the right.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(columns):
        side = "right" if i < len(right) and right[i] else "left"
        table.add_column(Text(name), justify=side, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*[Text(cell) for cell in row])
    console = Console(highlight=False)
    if not console.is_terminal:  # no terminal has no width: nothing is folded
        console.width = 10_000
    console.print(table)
