"""Chance by name: every random draw has a seed made of the run's seed and the names of what it is for.

So adding a task or a layer never changes the numbers another one gets.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["derive", "numpy_generator", "torch_generator"]


def derive(seed: int, *names: object) -> int:
    """A seed for one purpose, in [0, 2**63).

    :param seed: the run's seed.
    :param names: what the draws are for, e.g. ``("sampler", epoch)``.

    >>> derive(0, "sampler", 1) == derive(0, "sampler", 1) != derive(0, "sampler", 2)
    True
    """
    text = "\x1f".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def numpy_generator(seed: int, *names: object) -> np.random.Generator:
    """A numpy generator for one purpose (see :func:`derive`)."""
    return np.random.default_rng(derive(seed, *names))


def torch_generator(seed: int, *names: object) -> torch.Generator:
    """A CPU torch generator for one purpose (see :func:`derive`)."""
    import torch

    return torch.Generator().manual_seed(derive(seed, *names))
