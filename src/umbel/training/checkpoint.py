"""Checkpoints: all that a fit is at one moment, so that it goes on bit for bit after a kill.

A checkpoint folder holds ``step-*`` folders, each written to a temporary name, fsynced and renamed, so
that one that is there is whole, and *parts*: states that never change once written (a snapshot of an
epoch, a member that is done). The newest step counts. JSON and safetensors: reading it runs no code.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from umbel.errors import ModelFileError
from umbel.training.files import replace_folder, write_bytes, write_text
from umbel.training.packing import pack, unpack

__all__ = ["Store", "arrays_of", "chance_state", "restore_chance", "tensors_of"]

_TENSOR, _KEYED = "__tensor__", "__keyed__"


def arrays_of(value: Any) -> Any:
    """A nested state with tensors as one with arrays: what ``packing`` takes.

    Dicts with keys that are not text (an optimiser's parameter numbers) keep them.
    """
    if isinstance(value, Tensor):
        return {_TENSOR: value.detach().cpu().numpy()}
    if isinstance(value, Mapping):
        if any(not isinstance(key, str) for key in value):
            return {_KEYED: [[key, arrays_of(item)] for key, item in value.items()]}
        return {key: arrays_of(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [arrays_of(item) for item in value]
    return value


def tensors_of(value: Any) -> Any:
    """The nested state that :func:`arrays_of` was given."""
    if isinstance(value, dict):
        if set(value) == {_TENSOR}:
            return torch.from_numpy(np.array(value[_TENSOR]))
        if set(value) == {_KEYED}:
            return {key: tensors_of(item) for key, item in value[_KEYED]}
        return {key: tensors_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [tensors_of(item) for item in value]
    return value


def chance_state() -> dict[str, Any]:
    """The states of torch's and numpy's global generators."""
    name, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": [str(name), np.asarray(keys), int(position), int(has_gauss), float(gauss)],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_chance(state: Mapping[str, Any]) -> None:
    """Set the global generators as :func:`chance_state` found them."""
    torch.set_rng_state(state["torch"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys, *rest))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])


class Store:
    """One folder with the checkpoints of one fit.

    :param folder: made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _write(self, name: str, state: Mapping[str, Any]) -> None:
        from safetensors.numpy import save

        value, arrays = pack(arrays_of(state))

        def fill(place: Path) -> None:
            write_bytes(place / "arrays.safetensors", save(arrays))
            write_text(place / "state.json", json.dumps(value, ensure_ascii=False))

        replace_folder(self.folder / name, fill)

    def _read(self, name: str) -> dict[str, Any]:
        from safetensors.numpy import load

        place = self.folder / name
        try:
            value = json.loads((place / "state.json").read_text(encoding="utf-8"))
            arrays = load((place / "arrays.safetensors").read_bytes())
        except (OSError, ValueError) as error:
            raise ModelFileError(
                "a checkpoint must be as it was written",
                found=f"'{place}': {error}",
                remedy="remove the checkpoint folder and fit anew",
            ) from error
        found: dict[str, Any] = tensors_of(unpack(value, arrays))
        return found

    def _steps(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"), key=lambda path: int(path.name.split("-")[1]))

    def put(self, name: str, state: Mapping[str, Any]) -> None:
        """Write a part; one that is there stays."""
        if not (self.folder / name).exists():
            self._write(name, state)

    def part(self, name: str) -> dict[str, Any]:
        """Read a part.

        :raises ModelFileError: it is missing or damaged.
        """
        return self._read(name)

    def save(self, number: int, state: Mapping[str, Any], parts: Iterable[str] = ()) -> None:
        """Write the state at a step, then remove older steps and parts no longer named.

        :param number: grows from save to save.
        :param parts: names of the parts the state refers to.
        :raises DiskError: it could not be written; the former step is untouched.
        """
        name = f"step-{number:010d}"
        self._write(name, state)
        keep = {name, *parts}
        for path in self.folder.iterdir():
            if path.name not in keep:
                shutil.rmtree(path, ignore_errors=True)

    def load(self) -> dict[str, Any] | None:
        """The newest state; None where there is none.

        :raises ModelFileError: it is damaged.
        """
        steps = self._steps()
        return self._read(steps[-1].name) if steps else None
