"""A model is one folder: ``model.safetensors``, ``model.json``, ``card.md``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from umbel.errors import ModelFileError
from umbel.training.files import replace_folder, write_bytes, write_text
from umbel.training.packing import pack, unpack

__all__ = ["FORMAT", "read_model", "write_model"]

FORMAT = 1
"""Version of the folder's format; older ones are read, newer ones refused with a message."""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def write_model(folder: Path, state: Mapping[str, Any], *, version: str, card: str = "") -> None:
    """Write a model folder atomically.

    :param state: all that the model is (JSON values, arrays and bytes, nested).
    :param version: umbel's version, told to who reads it later.
    :param card: the model card in Markdown.
    :raises DiskError: it could not be written; a former folder is untouched.
    """
    from safetensors.numpy import save

    value, arrays = pack(state)
    tensors = save(arrays)
    body = {"format": FORMAT, "umbel": version, "state": value}
    head = {"checksums": {"model.safetensors": _digest(tensors), "state": _digest(_canonical(body))}}

    def fill(place: Path) -> None:
        write_bytes(place / "model.safetensors", tensors)
        write_text(place / "model.json", json.dumps(head | body, ensure_ascii=False, indent=1))
        write_text(place / "card.md", card)

    replace_folder(folder, fill)


def read_model(folder: Path) -> dict[str, Any]:
    """Read what :func:`write_model` wrote.

    :raises ModelFileError: the folder is not a model, damaged, or of a format this version cannot read.
    """
    from safetensors.numpy import load

    for name in ("model.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise ModelFileError(
                "a model folder holds model.json and model.safetensors",
                found=f"no {name} in '{folder}'",
                remedy="give the folder that `umbel fit` wrote (the model/ of a run)",
            )
    try:
        body = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        checksums = dict(body.pop("checksums"))
        form = int(body["format"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(
            "model.json must be the JSON that umbel wrote",
            found=f"'{folder / 'model.json'}' is damaged ({error})",
            remedy="restore the folder from a copy or fit again",
        ) from error
    if form > FORMAT:
        raise ModelFileError(
            f"this version of umbel reads model formats up to {FORMAT}",
            found=f"format {form}, written by umbel {body.get('umbel')}",
            remedy=f"install umbel {body.get('umbel')} or newer",
        )
    tensors = (folder / "model.safetensors").read_bytes()
    for name, found in (("model.safetensors", _digest(tensors)), ("state", _digest(_canonical(body)))):
        if checksums.get(name) != found:
            raise ModelFileError(
                "a model's checksums must fit its files",
                found=f"{'model.json' if name == 'state' else name} in '{folder}' was changed or damaged",
                remedy="restore the folder from a copy or fit again",
            )
    state: dict[str, Any] = unpack(body["state"], load(tensors))
    return state
