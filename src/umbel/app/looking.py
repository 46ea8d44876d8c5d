"""An inspection in words and tables."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from umbel.app.console import print_table

if TYPE_CHECKING:
    from umbel.data.inspect import Inspection

__all__ = ["say"]


def say(found: Inspection, *, data: Path, out: Path) -> None:
    """Print what was found in a table, and what to do next.

    :param found: the inspection.
    :param data: the table's file.
    :param out: where the problem was written.
    """
    print(f"{found.rows:,} rows, {len(found.columns)} columns")
    print_table(
        ["column", "type", "distinct", "missing", "why", "examples"],
        [
            [
                look.name,
                look.inferred.type or "left out",
                f"{look.distinct:,}",
                f"{look.missing:.0%}",
                look.inferred.reason,
                " | ".join(look.examples),
            ]
            for look in found.columns
        ],
        right=[False, False, True, True],
    )
    print("Targets" if len(found.problem.targets) == len(found.candidates) else "What could be a target")
    print_table(
        ["column", "kind", "labels missing", "why"],
        [[c.name, c.kind or "none", f"{c.missing:.0%}", c.reason] for c in found.candidates],
        right=[False, False, True],
    )
    for leak in found.leaks:
        print(f"likely leak: {leak.words}")
    for name, why in found.entities.items():
        print(f"entity: '{name}': {why}")
    for note in found.notes:
        print(note)
    print(f"\nwritten: {out}")
    print(f"next:    umbel compare {shlex.quote(str(data))} --config {shlex.quote(str(out))}")
