"""What users wait for: starting up does not load the heavy libraries, and encoding the films is quick.

The figures asked for are held on an idle machine by ``make bench-speed``; here the bounds leave room for a
busy one.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import subprocess
import sys
import time

import pytest

HEAVY = ("torch", "pandas", "sklearn", "scipy", "matplotlib", "numpy")
HELP = """
import contextlib, io, sys
sys.argv = ["umbel", *{about}, "--help"]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    from umbel.app.main import run
    run()
"""
STARTS = {
    "import": "import umbel",
    "help": HELP.format(about=[]),
    "help of a command": HELP.format(about=["fit"]),
}
TELL = "\nimport sys, json; print(json.dumps(sorted(m for m in sys.modules if '.' not in m)))"
GENEROUS = 1.0
"""CPU-seconds; 0.35 are asked for on an idle machine."""


def started(code: str) -> tuple[set[str], float]:
    """Top-level modules loaded by a fresh interpreter, and its CPU-seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", code + TELL], capture_output=True, text=True, check=True, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return set(json.loads(done.stdout.splitlines()[-1])), seconds


@pytest.mark.parametrize("what", STARTS)
def test_starting_up_is_light(what: str) -> None:
    modules, seconds = started(STARTS[what])
    assert "umbel" in modules
    assert not modules & set(HEAVY)
    assert seconds < GENEROUS


def test_help_tells_of_the_commands() -> None:
    done = subprocess.run([sys.executable, "-m", "umbel", "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "compare" in done.stdout


@pytest.mark.skipif(importlib.util.find_spec("bokeh_sampledata") is None, reason="the films are not there")
def test_one_core_encodes_the_films() -> None:
    from umbel.data.films import films, films_problem
    from umbel.data.prepare import prepare
    from umbel.encoders.space import FeatureSpace
    from umbel.training.learners.net import Net

    dataset = prepare(films(), films_problem()).dataset
    begin = time.process_time()
    space = FeatureSpace(dataset.schema, Net().encoder_options()).fit(dataset.source)
    inputs = space.transform(dataset.source)
    assert time.process_time() - begin < 3
    assert {len(x) for x in inputs.values()} == {len(dataset)}
    assert set(inputs) == {"numbers", "names", "text"}
