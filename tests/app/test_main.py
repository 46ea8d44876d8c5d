"""The command line as a user meets it: quick help, one message for each error, exit codes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from umbel._version import __version__
from umbel.app.main import COMMANDS, GROUPS, app
from umbel.errors import DataError

HEAVY = ("torch", "pandas", "sklearn", "scipy", "matplotlib", "numpy", "pydantic", "jinja2")


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command in this process."""
    found = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, found.stdout, found.stderr


@pytest.mark.parametrize("code", ["import umbel", "from umbel.app.main import run; run()"])
def test_starting_is_quick_and_loads_nothing_heavy(code: str) -> None:
    check = (
        f"import sys; sys.argv = ['umbel', '--help']\ntry:\n    {code}\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', [m for m in {HEAVY} if m in sys.modules])"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert found.stdout.rstrip().endswith("LOADED []")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent <= 0.7  # 0.35 on a quiet machine; twice that where others compute beside


def test_help_lists_every_command_with_its_line() -> None:
    code, out, _ = run("--help")
    assert code == 0
    for name in COMMANDS:
        line = next(line for line in out.splitlines() if line.strip("│ ").startswith(name))
        assert len(line.strip("│ ").removeprefix(name).strip()) > 20


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_help(name: str) -> None:
    code, out, _ = run(name, "--help")
    assert code == 0
    assert "Usage:" in out
    assert "--help" in out


@pytest.mark.parametrize(("family", "name"), [(f, n) for f, names in GROUPS.items() for n in names])
def test_every_command_of_a_family_has_its_help(family: str, name: str) -> None:
    code, out, _ = run(family, name, "--help")
    assert code == 0
    assert f"{family} {name}" in out


def test_a_family_lists_its_commands() -> None:
    for family, names in GROUPS.items():
        code, out, _ = run(family, "--help")
        assert code == 0
        assert all(name in out for name in names)
    code, _, err = run("tracing", "masteri")
    assert code == 2
    assert "did you mean 'mastery'" in err


def test_version() -> None:
    assert run("--version")[:2] == (0, f"{__version__}\n")


def test_python_m_umbel_is_the_same() -> None:
    found = subprocess.run([sys.executable, "-m", "umbel", "--version"], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, f"{__version__}\n")


def test_an_unknown_command_gets_near_names() -> None:
    code, _, err = run("comapre")
    assert code == 2
    assert "found:  comapre" in err
    assert "did you mean 'compare'" in err


def test_an_unknown_option_ends_with_2() -> None:
    assert run("data", "--bogus")[0] == 2


def stand_in(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let ``umbel data`` raise an error."""
    module = ModuleType("umbel.app.commands.data")

    def data() -> None:
        raise error

    module.data = data
    monkeypatch.setitem(sys.modules, "umbel.app.commands.data", module)


def test_a_broken_rule_is_one_message_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, DataError("a rule [bold]holds[/bold]", found="that", remedy="do this"))
    code, out, err = run("data")
    assert (code, out) == (2, "")
    assert err == "error: a rule [bold]holds[/bold]\n  found:  that\n  remedy: do this\n"


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, KeyboardInterrupt())
    code, _, err = run("data")
    assert code == 130
    assert "stopped" in err


def test_the_unforeseen_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, ZeroDivisionError("a mistake of ours"))
    with pytest.raises(ZeroDivisionError, match="a mistake of ours"):
        run("data")


def test_the_unforeseen_is_shown_by_the_real_entry(tmp_path: Path) -> None:
    code = "import umbel.app.console as c; c.print_table = None\nfrom umbel.app.main import run; run()"
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = ['umbel', 'data']\n{code}"],
        capture_output=True,
        text=True,
        env=os.environ | {"TERM": "dumb"},
    )
    assert found.returncode == 1
    assert "TypeError: 'NoneType' object is not callable" in found.stderr
