"""Several processes equal one on the same global batches."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from safetensors.numpy import load_file

from umbel.training.distributed import Processes, current, joined

HERE = Path(__file__).parent


def launch(name: str, folder: Path) -> ModuleType:
    """Run a worker as two processes; the worker as a module, to do the same in this one."""
    worker = HERE / f"{name}.py"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, str(worker), str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    specification = importlib.util.spec_from_file_location(name, worker)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_two_processes_equal_one(tmp_path: Path) -> None:
    worker = launch("two_processes", tmp_path)
    for number, (by, optimizer) in enumerate(worker.CASES):
        one = worker.fitted(by, optimizer, None)
        two = load_file(tmp_path / f"{number}.safetensors")
        assert one.keys() == two.keys()
        assert max(np.abs(v).max() for name, v in one.items() if "wide" in name) > 1e-3  # it has learned
        for name, value in one.items():
            np.testing.assert_allclose(two[name], value, rtol=0, atol=1e-6)


def test_every_balancer_gives_two_processes_the_same_as_one(tmp_path: Path) -> None:
    worker = launch("two_balanced", tmp_path)
    for number, case in enumerate(worker.cases()):
        one = worker.trained(*case, Processes())
        two = load_file(tmp_path / f"{number}.safetensors")
        for name, value in one.items():
            np.testing.assert_allclose(two[name], value, rtol=0, atol=1e-5, err_msg=f"{case} {name}")


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
