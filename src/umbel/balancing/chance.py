"""A generator that is part of a balancer's state: what is drawn goes on bit by bit after a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["Chance"]


class Chance(nn.Module):
    """A random generator whose state is a buffer.

    It draws on the CPU, so that the same seed draws the same on every device and every process.

    >>> chance = Chance(0)
    >>> with chance.generator() as generator:
    ...     one = torch.rand(2, generator=generator)
    >>> with chance.generator() as generator:
    ...     other = torch.rand(2, generator=generator)
    >>> bool((one != other).all())
    True
    """

    state: Tensor

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.register_buffer("state", torch.Generator().manual_seed(seed).get_state())

    def start(self, seed: int) -> None:
        """Begin anew with a seed."""
        self.state.copy_(torch.Generator().manual_seed(seed).get_state())

    @contextmanager
    def generator(self) -> Iterator[torch.Generator]:
        """The generator; what is drawn within the block is remembered."""
        found = torch.Generator()
        found.set_state(self.state.cpu())
        yield found
        self.state.copy_(found.get_state())
