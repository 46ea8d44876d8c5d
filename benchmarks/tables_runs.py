"""What is asked of each benchmark table: the model, its options, and what is printed beside it."""

from __future__ import annotations

from typing import Any

__all__ = ["RUNS"]

_FORESTS = {"extra": ["forest_per_task", "forest"]}

# a smooth, well-trained net for 200 rows: all of them in each step, much weight decay
_SMOOTH = {
    "width": 128,
    "depth": 2,
    "dropout": 0.1,
    "activation": "silu",
    "norm": False,
    "wide": "all",
    "lr": 3e-3,
    "weight_decay": 1.0,
    "schedule": "cosine",
    "batch_size": 256,
    "epochs": 400,
    "stopping": "none",  # the schedule ends it; with 40 rows to stop on, stopping is chance
    "judge_every": 400,
    "average": 0.0,
}

# few inputs and many rows: large steps, few epochs
_WARDS = {
    "width": 256,
    "depth": 1,
    "dropout": 0.2,
    "norm": False,
    "embedding": 16,
    "embedding_dropout": 0.0,
    "wide": "all",
    "lr": 1e-2,
    "weight_decay": 0.1,
    "schedule": "one_cycle",
    "batch_size": 1024,
    "epochs": 10,
    "patience": 10,
}

RUNS: dict[str, dict[str, Any]] = {
    "school": {"model": {"name": "auto", "folds": 5}},
    # 14 targets: a process and a net for each of them would cost more than all else together
    "wq": {
        "model": {"name": "auto", "leave_out": ["gaussian_process", "independent"]},
        "compare": _FORESTS,
    },
    "emotions": {"model": {"name": "auto"}, "compare": _FORESTS},
    # forests of six labels on 294 inputs: one validation part, not five folds, is what the time allows
    "scene": {"model": {"name": "auto", "folds": 0}, "compare": _FORESTS},
    "sarcos": {
        "model": {"name": "auto", "options": _SMOOTH},
        "compare": {"extra": ["gaussian_process", "net"]},
    },
    "diabetes130": {
        "model": {"name": "net", "options": _WARDS},
        "compare": {"ensembles": ["average"]},
    },
    "health": {
        "model": {"name": "net", "options": _WARDS},
        "compare": {"ensembles": ["average"]},
    },
}
