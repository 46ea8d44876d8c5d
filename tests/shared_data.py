"""Real data that lie beside the project, never in it; a test whose data are absent is skipped by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["shared_data"]


def shared_data(path: str) -> Path:
    """The file or folder of the shared data; where it is absent, the test is skipped.

    :param path: as it lies below ``$UMBEL_SHARED``, or below ``../shared/data`` beside the repository.
    :returns: where it is on this machine.
    """
    root = os.environ.get("UMBEL_SHARED")
    found = (Path(root) if root else Path(__file__).resolve().parents[2] / "shared" / "data") / path
    if not found.exists():
        pytest.skip(f"{path} is not there; set UMBEL_SHARED to the folder that holds it")
    return found
