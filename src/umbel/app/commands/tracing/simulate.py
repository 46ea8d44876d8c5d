"""``umbel tracing simulate``: a class with known truth, as a log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from umbel.app import options

__all__ = ["simulate"]


def simulate(
    world: Annotated[str, typer.Option("--world", help="none, chain or hidden.")] = "chain",
    students: Annotated[int, typer.Option("--students", help="Students of the class.")] = 200,
    concepts: Annotated[int, typer.Option("--concepts", help="Concepts there are.")] = 6,
    questions: Annotated[int, typer.Option("--questions", help="Questions of each concept.")] = 10,
    steps: Annotated[int, typer.Option("--steps", help="Answers of each student.")] = 60,
    order: Annotated[str, typer.Option("--order", help="random or fixed.")] = "random",
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV file to write.")] = Path("class.csv"),
    seed: options.Seed = None,
    as_json: options.AsJson = False,
) -> None:
    """Write the answers of a simulated class; its prerequisites are told, so what a model finds can be held
    against them."""
    import pandas as pd

    from umbel.app.console import print_json
    from umbel.app.tracing import tables_of
    from umbel.families.tracing.source.simulate import simulate as made
    from umbel.training.files import write_bytes

    found = made(
        world,  # type: ignore[arg-type]  # checked there, with near names
        students=students,
        concepts=concepts,
        questions=questions,
        steps=steps,
        order=order,  # type: ignore[arg-type]
        seed=seed or 0,
    )
    log = found.log
    write_bytes(out, pd.DataFrame(tables_of(log)).to_csv(index=False, lineterminator="\n").encode())
    needs = [
        {"concept": log.concepts[i], "needs": log.concepts[j]}
        for i, j in zip(*found.prerequisites.nonzero(), strict=True)
    ]
    if as_json:
        print_json({"written": out, "answers": log.steps, "students": len(log), "prerequisites": needs})
        return
    print(f"written: {out} ({log.steps:,} answers of {options.count(len(log), 'student')})")
    for one in needs:
        print(f"  {one['concept']} needs {one['needs']}")
