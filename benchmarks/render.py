"""Write docs/benchmarks.md and the README's results from docs/results/*.json.

``--check`` writes nothing and ends with 1 where they are not what the results say.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from record import FORMAT, RESULTS

from umbel.judging.words import number
from umbel.training.files import write_text

ROOT = RESULTS.parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
MARKED = re.compile(r"(<!-- results:begin[^>]*-->\n).*?(<!-- results:end -->)", re.DOTALL)
NONE = "No results are recorded yet: `make bench-films` and `make bench-tables` record them.\n"


def cell(value: Any) -> str:
    """A cell of a Markdown table."""
    if value is None:
        return ""
    if isinstance(value, float):
        return number(value)
    return " ".join(str(value).split()).replace("|", "\\|")


def table(found: Mapping[str, Any]) -> str:
    """A Markdown table with its caption."""
    lines = [found["columns"], ["---"] * len(found["columns"]), *found["rows"]]
    body = "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)
    return (f"{found['caption']}\n\n" if found["caption"] else "") + f"{body}\n"


def derived(results: Any) -> list[dict[str, Any]]:
    """Tables of results that came without: a mapping of mappings is a table of their scalars."""
    if not isinstance(results, Mapping):
        return []
    parts = {name: results[name] for name in ("models", "costs") if isinstance(results.get(name), Mapping)}
    if not parts and results and all(isinstance(inner, Mapping) for inner in results.values()):
        parts = {"": results}
    return [_grid(name, part) for name, part in parts.items()]


def _grid(caption: str, rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    scalars = {
        name: {k: v for k, v in row.items() if v is None or isinstance(v, bool | int | float | str)}
        for name, row in rows.items()
    }
    columns = list(dict.fromkeys(key for row in scalars.values() for key in row))
    body = [[name, *(row.get(key) for key in columns)] for name, row in scalars.items()]
    return {"caption": caption, "columns": ["", *columns], "rows": body, "readme": False}


def section(result: Mapping[str, Any]) -> str:
    """A benchmark's part of the page."""
    seeds = result["seeds"]
    told = f"{len(seeds)} ({seeds[0]} to {seeds[-1]})" if len(seeds) > 3 else ", ".join(map(str, seeds))
    machine, spent = result["machine"], result["cpu_seconds"]
    facts = [
        f"`{result['command']}`",
        f"seeds: {told}",
        f"{machine['cpu']}, {machine['cores']} cores, threads: {machine['threads']}",
        ", ".join(f"{name} {version}" for name, version in result["versions"].items()),
    ]
    if spent is not None:
        facts.append(f"{spent:,.0f} CPU-seconds in all")
    tables = result["tables"] or derived(result["results"])
    parts = [f"## {result['title']}", *result["notes"], *map(table, tables)]
    return "\n\n".join([*parts, "\n".join(f"- {fact}" for fact in facts)]) + "\n"


def page(results: Sequence[Mapping[str, Any]]) -> str:
    """docs/benchmarks.md."""
    head = (
        "# Benchmarks\n\n"
        "Written by `python benchmarks/render.py` from `docs/results/*.json`: no number is typed by hand.\n"
    )
    return "\n".join([head, *map(section, results)] if results else [head, NONE])


def readme(text: str, results: Sequence[Mapping[str, Any]]) -> str:
    """The README with its results renewed."""
    shown = [
        table(found) + f"\n(`{result['command']}`, {len(result['seeds'])} seeds)\n"
        for result in results
        for found in result["tables"]
        if found["readme"]
    ]
    body = "\n".join(shown) or NONE
    return MARKED.sub(lambda match: match[1] + body + match[2], text)


def read() -> list[dict[str, Any]]:
    """All results, by name; of this format only."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    old = [result["benchmark"] for result in results if result["format"] != FORMAT]
    if old:
        raise SystemExit(f"run again, as the format has changed: {', '.join(old)}")
    return results


def main() -> None:
    """Write both, or check them."""
    results = read()
    wanted = {PAGE: page(results), README: readme(README.read_text(encoding="utf-8"), results)}
    changed = [p for p, text in wanted.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        if changed:
            raise SystemExit("python benchmarks/render.py would change " + ", ".join(p.name for p in changed))
        return
    for path in changed:
        write_text(path, wanted[path])


if __name__ == "__main__":
    main()
