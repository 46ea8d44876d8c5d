"""One JSON format for every benchmark: the command, the machine, the seeds, the versions, the results.

    from record import Table, record

    record("films", found, seeds=range(3), tables=[Table("The films", columns, rows, readme=True)])

writes ``docs/results/films.json``; ``benchmarks/render.py`` writes the docs' tables from it. Without
tables, those are derived from results of the form ``{"models": {name: {figure: number}}}``.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from umbel.app.run import plain
from umbel.training.files import write_text

__all__ = ["FORMAT", "RESULTS", "Table", "machine", "record", "versions"]

FORMAT = 1
RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"


@dataclass(frozen=True)
class Table:
    """A table for the docs.

    :param caption: what is measured, and in what unit.
    :param rows: text and numbers; numbers are rounded when rendered, not here.
    :param readme: whether the README shows it, too.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    readme: bool = False


def machine() -> dict[str, Any]:
    """What was measured on, as far as it matters and no further (no names, no paths)."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        named = (line.partition(":") for line in info.read_text().splitlines())
        cpu = next((value.strip() for key, _, value in named if key.strip() == "model name"), cpu)
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
    }


def versions() -> dict[str, str]:
    """Versions of what decides the numbers."""
    found = {"python": platform.python_version()}
    for name in ("umbel", "torch", "numpy", "scipy", "pandas", "scikit-learn"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def command() -> str:
    """The command that is running, with the script's name as seen from the project's root."""
    script = Path(sys.argv[0]).resolve()
    root = RESULTS.parent.parent
    name = script.relative_to(root).as_posix() if script.is_relative_to(root) else script.name
    return shlex.join(["python", name, *sys.argv[1:]])


def record(
    name: str,
    results: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    seeds: Iterable[int],
    title: str | None = None,
    tables: Sequence[Table] = (),
    cpu_seconds: float | None = None,
    notes: Sequence[str] = (),
    folder: Path = RESULTS,
) -> Path:
    """Write the results of a benchmark.

    :param name: of the benchmark and its file.
    :param results: all that was measured, as raw as it is (JSON, arrays).
    :param seeds: every seed that was run.
    :param title: its heading in the docs; the name where None.
    :param tables: what the docs show; derived from the results where there are none.
    :param cpu_seconds: of the whole benchmark.
    :param notes: protocol: rows, splits, what was chosen where; and what is not claimed.
    :returns: the file.
    """
    body = {
        "format": FORMAT,
        "benchmark": name,
        "title": title or name,
        "command": command(),
        "machine": machine(),
        "seeds": list(seeds),
        "versions": versions(),
        "cpu_seconds": cpu_seconds,
        "notes": list(notes),
        "tables": [asdict(table) for table in tables],
        "results": results,
    }
    path = folder / f"{name}.json"
    write_text(path, json.dumps(plain(body), indent=1, ensure_ascii=False) + "\n")
    return path
