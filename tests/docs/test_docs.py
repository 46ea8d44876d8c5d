"""The texts of the house: every example runs, every command and key that is told of is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from umbel.app.main import COMMANDS, GROUPS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(path: Path, language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(path.read_text(encoding="utf-8")) if name == language]


@pytest.mark.parametrize("path", [p for p in PAGES if blocks(p, "python")], ids=lambda p: p.name)
def test_python_examples_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import umbel

    films = umbel.films().sample(400, random_state=0)
    # quick: the examples tell how to call, other tests tell how well `auto` does
    monkeypatch.setitem(umbel.MultiTask.__init__.__kwdefaults__, "model", "linear")
    names: dict[str, Any] = {"films": films, "new_films": films.drop(columns=["genres", "certificate"])}
    for block in blocks(path, "python"):
        exec(compile(block, str(path), "exec"), names)
    assert len(names["answers"]) > 0


def test_the_example_of_a_loop_runs_and_learns(capsys: pytest.CaptureFixture[str]) -> None:
    path = ROOT / "examples" / "own_loop.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) < 40
    names: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    assert "unexplained variance" in capsys.readouterr().out
    assert max(names["unexplained"]) < 0.2


def test_the_page_of_methods_tells_every_method() -> None:
    specification = importlib.util.spec_from_file_location("methods", ROOT / "docs" / "methods.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    page = module.page()
    assert set(module.TITLES) == set(module.METHODS)
    assert all(f"| `{name}` |" in page for name in ("upgrad", "mmoe", "trace_norm", "convolution", "auc"))


def test_the_readme_begins_with_the_two_commands() -> None:
    first = blocks(ROOT / "README.md", "console")[0].splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make demo", "make test"]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_every_command_that_is_told_of_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    told = re.findall(r"^umbel ([a-z]+)", text, re.MULTILINE) + re.findall(r"`umbel ([a-z]+)", text)
    assert set(told) <= {*COMMANDS, *GROUPS}


def test_the_page_of_the_command_line_tells_every_command() -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert all(f"| `umbel {name}" in text for name in COMMANDS)
    verbs = [f"| `umbel {family} {name}" for family, names in GROUPS.items() for name in names]
    assert all(verb in text for verb in verbs)


def test_the_configuration_of_the_docs_is_one(tmp_path: Path) -> None:
    from umbel.app.config import read_config
    from umbel.training.config import Config

    (block,) = blocks(ROOT / "docs" / "config.md", "yaml")
    path = tmp_path / "config.yaml"
    path.write_text(block, encoding="utf-8")
    config = read_config(path, {})
    assert set(config.problem.targets) == {"score", "passed", "ill", "tags"}
    told = yaml.safe_load(block)
    assert set(told) | {"data"} == set(Config.model_fields)
    for part in ("model", "compare"):
        known = type(getattr(config, part)).model_fields
        assert set(told[part]) <= set(known)


def test_links_lead_somewhere() -> None:
    for path in [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{target} in {path.name}"


def test_the_floors_of_the_architecture_are_the_folders() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    floors = {p.name for p in (ROOT / "src" / "umbel").iterdir() if (p / "__init__.py").is_file()}
    (line,) = re.findall(r"^    (app -> .*)$", text, re.MULTILINE)
    assert set(re.findall(r"\w+", line)) - {"ground"} == floors
    for told in re.findall(r"`((?:app|data|sharing|training|judging)/\w[\w/]*\.py)`", text):
        assert (ROOT / "src" / "umbel" / told).is_file(), told
