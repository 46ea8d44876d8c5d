"""Checkpoints: whole or not there, and a killed fit goes on bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neural_tables import dataset, frame
from umbel.errors import DiskError, ModelFileError
from umbel.training import files
from umbel.training.checkpoint import Store, arrays_of, chance_state, restore_chance, tensors_of
from umbel.training.learners.net import Net

STATE = {"model": {"w": torch.arange(3.0)}, "optimizer": {"state": {0: {"step": torch.tensor(2.0)}}}, "n": 1}


def test_killed_at_random_points_it_ends_bit_for_bit_alike(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed.py")), str(tmp_path), "4"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for told in json.loads(done.stdout.splitlines()[-1]):
        assert told["ended"] == 0, told
        assert told["alike"], told
        assert told["kills"] >= 2, told


def test_a_state_comes_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "run")
    assert store.load() is None
    store.save(3, STATE)
    found = store.load()
    assert found is not None
    assert torch.equal(found["model"]["w"], STATE["model"]["w"])
    assert found["optimizer"]["state"][0]["step"] == 2.0
    assert found["n"] == 1


def test_the_newest_counts_and_older_ones_go(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in (9, 10, 100):
        store.put(f"part-{number}", {"k": number})
        store.save(number, {"n": number}, [f"part-{number}"])
    found = store.load()
    assert found == {"n": 100}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["part-100", "step-0000000100"]
    store.put("part-100", {"k": 0})
    assert store.part("part-100") == {"k": 100}


def test_a_disk_that_is_full_leaves_the_former_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    store.save(1, STATE)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(DiskError, match="No space left"):
        store.save(2, STATE)
    assert [p.name for p in tmp_path.iterdir()] == ["step-0000000001"]
    found = store.load()
    assert found is not None
    assert found["n"] == 1


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(1, STATE)
    (tmp_path / "step-0000000001" / "state.json").write_text("{")
    with pytest.raises(ModelFileError, match="checkpoint"):
        store.load()


def test_chance_comes_back() -> None:
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()
    state: dict[str, Any] = tensors_of(arrays_of(chance_state()))
    drawn = torch.rand(3), np.random.rand(3)
    restore_chance(state)
    assert torch.equal(torch.rand(3), drawn[0])
    assert np.array_equal(np.random.rand(3), drawn[1])
    torch.set_rng_state(torch_before)
    np.random.set_state(numpy_before)


def test_another_job_does_not_take_this_ones_checkpoint(tmp_path: Path) -> None:
    data = dataset(frame(60, seed=6), ("height",))
    small = {"width": 4, "embedding": 2, "epochs": 1, "checkpoint": str(tmp_path)}
    for seed in (0, 1):
        Net(**small, seed=seed).fit(data, data)
    assert len(list(tmp_path.iterdir())) == 2
