"""What is known: columns in, batches out, never a leak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from umbel.data.films import films, films_problem

if TYPE_CHECKING:
    from umbel.data.auditing import audit

__all__ = ["audit", "films", "films_problem"]


def __getattr__(name: str) -> Any:
    if name == "audit":  # on demand: it brings scipy and scikit-learn
        from umbel.data.auditing import audit

        return audit
    raise AttributeError(f"module 'umbel.data' has no attribute '{name}'")
