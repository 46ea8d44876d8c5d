"""Several processes equal one on the same global batches."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

from umbel.training.distributed import Processes, current, joined

WORKER = Path(__file__).with_name("two_processes.py")


def test_two_processes_equal_one(tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, str(WORKER), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    specification = importlib.util.spec_from_file_location("two_processes", WORKER)
    assert specification is not None
    assert specification.loader is not None
    worker = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(worker)
    for number, (by, optimizer) in enumerate(worker.CASES):
        one = worker.fitted(by, optimizer, None)
        two = load_file(tmp_path / f"{number}.safetensors")
        assert one.keys() == two.keys()
        assert max(np.abs(v).max() for name, v in one.items() if "wide" in name) > 1e-3  # it has learned
        for name, value in one.items():
            np.testing.assert_allclose(two[name], value, rtol=0, atol=1e-6)


def test_alone_everything_is_itself() -> None:
    with joined() as among:
        assert among == current() == Processes(0, 1)
        values = torch.arange(3.0)
        assert among.total(values) is values
        assert among.gather(values) == [values]
        among.wait()
        parameter = torch.nn.Parameter(torch.ones(2))
        among.sum_gradients([parameter])
        assert parameter.grad is None
