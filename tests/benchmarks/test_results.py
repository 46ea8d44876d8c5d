"""The one JSON format of benchmarks, and what is rendered from it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A file of ``benchmarks`` as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A result as it is written."""
    record = script("record", monkeypatch)
    monkeypatch.setattr(sys, "argv", [str(ROOT / "benchmarks" / "x.py"), "a b"])
    table = record.Table(
        "A | table", ["model", "value"], [["joint", 0.12345], ["lin|ear", None]], readme=True
    )
    path = record.record(
        "x",
        {"models": {"joint": {"mean": 0.5, "each": [1]}}},
        seeds=range(5),
        tables=[table],
        folder=tmp_path,
    )
    assert path == tmp_path / "x.json"
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def test_a_record_has_what_makes_it_repeatable(recorded: dict[str, Any]) -> None:
    assert recorded["command"] == "python benchmarks/x.py 'a b'"
    assert recorded["seeds"] == [0, 1, 2, 3, 4]
    assert recorded["versions"]["torch"]
    assert set(recorded["machine"]) == {"cpu", "cores", "system", "threads"}
    assert recorded["title"] == "x"
    assert str(ROOT) not in json.dumps(recorded)


def test_the_page_and_the_readme_show_it(recorded: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    render = script("render", monkeypatch)
    page = render.page([recorded])
    assert "## x" in page
    assert "| joint | 0.123 |" in page
    assert "| lin\\|ear |  |" in page
    assert "seeds: 5 (0 to 4)" in page
    text = "a\n<!-- results:begin (x) -->\nold\n<!-- results:end -->\nb\n"
    new = render.readme(text, [recorded])
    assert "old" not in new
    assert "| joint | 0.123 |" in new
    assert new.startswith("a\n<!-- results:begin (x) -->\n")
    assert new.endswith("<!-- results:end -->\nb\n")
    assert render.readme(new, []) == text.replace("old\n", render.NONE)


def test_tables_are_derived_where_there_are_none(
    recorded: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    render = script("render", monkeypatch)
    page = render.page([recorded | {"tables": []}])
    assert "|  | mean |\n| --- | --- |\n| joint | 0.500 |" in page


def test_the_readme_and_the_docs_say_what_the_results_say(monkeypatch: pytest.MonkeyPatch) -> None:
    render = script("render", monkeypatch)
    results = render.read()
    assert render.PAGE.read_text(encoding="utf-8") == render.page(results)
    readme = render.README.read_text(encoding="utf-8")
    assert render.readme(readme, results) == readme
