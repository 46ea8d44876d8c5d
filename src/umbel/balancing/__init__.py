"""Many losses, one update: pure mathematics that knows neither tasks nor data."""

from __future__ import annotations

from umbel.balancing.backward import backward, balancer
from umbel.balancing.solve import solve

__all__ = ["backward", "balancer", "solve"]
