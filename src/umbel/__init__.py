"""Multi-task learning for PyTorch: from one table to a trusted answer whether its tasks should be
learned together.

Names are loaded when they are first asked for, so ``import umbel`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from umbel._version import __version__

if TYPE_CHECKING:
    from umbel.data.films import films
    from umbel.families.tracing.estimator import KnowledgeTracer
    from umbel.training.compare import compare
    from umbel.training.estimator import MultiTask
    from umbel.training.loading import load

__all__ = ["KnowledgeTracer", "MultiTask", "__version__", "compare", "films", "load"]

_FACE = {
    "KnowledgeTracer": "umbel.families.tracing.estimator",
    "MultiTask": "umbel.training.estimator",
    "compare": "umbel.training.compare",
    "films": "umbel.data.films",
    "load": "umbel.training.loading",
}
_PARTS = ("balancing", "data", "encoders", "errors", "families", "judging", "sharing", "tasks", "training")


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(_FACE[name]), name)
    if name in _PARTS:
        return importlib.import_module(f"umbel.{name}")
    raise AttributeError(f"module 'umbel' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, *_PARTS])
