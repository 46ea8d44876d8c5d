"""`umbel fit` ended by Ctrl-C and by kill -9 at random moments, then resumed: the same model, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path


def test_stopped_and_killed_it_ends_alike(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed_fits.py")), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    out = tmp_path / "run"
    assert told["stopped"] == 130
    assert f"the checkpoint is kept in '{out / 'checkpoint'}'" in told["said"]
    assert f"go on with `umbel fit --resume --out {out}`" in told["said"]
    assert "Traceback" not in told["said"]
    assert told["kills"] == [-signal.SIGKILL] * 3
    assert told["models"] == [False] * 3
    assert told["resumed"] == 0
    assert told["alike"]
    assert told["left"] == ["config.yaml", "log.jsonl", "model", "report.html"]
