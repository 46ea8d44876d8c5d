"""Several processes as one: sums over all of them, under ``torchrun``.

The losses of a process are its own sums over the **global** counts of labels, so the sum of the
processes' gradients is exactly the gradient of one process on the global batch, however unevenly the
missing labels fall.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch import distributed as dist

__all__ = ["Processes", "current", "joined"]


@dataclass(frozen=True)
class Processes:
    """This process among all.

    :param rank: its number, from 0.
    :param world: how many there are.
    """

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """True for the process that writes."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes, a new tensor of the same shape."""
        if self.world == 1:
            return values
        summed = values.detach().clone()
        dist.all_reduce(summed)
        return summed

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace every gradient by the sum over all processes (one message per precision)."""
        if self.world == 1:
            return
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            kinds.setdefault(parameter.dtype, []).append(parameter.grad)
        for grads in kinds.values():
            line = torch.cat([grad.reshape(-1) for grad in grads])
            dist.all_reduce(line)
            parts = torch.split(line, [grad.numel() for grad in grads])
            for grad, part in zip(grads, parts, strict=True):
                grad.copy_(part.view_as(grad))

    def gather(self, values: Tensor) -> list[Tensor]:
        """The same-shaped tensors of all processes, in the order of their ranks."""
        if self.world == 1:
            return [values]
        found = [torch.empty_like(values) for _ in range(self.world)]
        dist.all_gather(found, values.contiguous())
        return found

    def wait(self) -> None:
        """Go on once all are here: nobody reads what the first one has not finished writing."""
        if self.world > 1:
            dist.barrier()


def current() -> Processes:
    """This process among those that are joined; alone where none are."""
    if dist.is_available() and dist.is_initialized():
        return Processes(dist.get_rank(), dist.get_world_size())
    return Processes()


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started, for the length of the block.

    Without ``torchrun`` (no WORLD_SIZE in the environment), or inside another such block, it changes
    nothing.
    """
    if dist.is_initialized() or int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield current()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    # gloo carries tensors of the CPU, nccl those of GPUs
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield current()
    finally:
        dist.destroy_process_group()
