"""Puts this folder on the path, so that tests of several floors can share a module of it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
