"""Nested state to one JSON value and one dict of arrays, and back: what lies on disk runs no code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ModelFileError

__all__ = ["pack", "unpack"]

_ARRAY, _BYTES = "__array__", "__bytes__"


def pack(state: Any) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Take the arrays and bytes out of a nested state.

    :param state: dicts, lists, JSON values, numpy arrays (and scalars) and bytes.
    :returns: a JSON value in which each array is a reference, and the arrays by reference.
    :raises TypeError: something else is in the state.

    >>> pack({"w": np.zeros(2), "k": 1})[0]
    {'w': {'__array__': 'w'}, 'k': 1}
    """
    arrays: dict[str, NDArray[Any]] = {}

    def walk(value: Any, path: str) -> Any:
        if isinstance(value, np.ndarray):
            arrays[path] = np.ascontiguousarray(value).reshape(value.shape)
            return {_ARRAY: path}
        if isinstance(value, bytes):
            arrays[path] = np.frombuffer(value, dtype=np.uint8)
            return {_BYTES: path}
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, Mapping):
            return {str(k): walk(v, f"{path}/{k}" if path else str(k)) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [walk(v, f"{path}/{i}") for i, v in enumerate(value)]
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise TypeError(f"a state holds JSON, arrays and bytes, not {type(value).__name__} at '{path}'")

    return walk(state, ""), arrays


def unpack(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """The state that :func:`pack` took apart.

    :raises ModelFileError: a reference has no array.
    """
    if isinstance(value, dict):
        for marker in (_ARRAY, _BYTES):
            if set(value) == {marker}:
                if value[marker] not in arrays:
                    raise ModelFileError(
                        "a saved model has all its arrays",
                        found=f"'{value[marker]}' is missing",
                        remedy="restore the folder from a copy or fit again",
                    )
                array = arrays[value[marker]]
                return array if marker == _ARRAY else array.tobytes()
        return {k: unpack(v, arrays) for k, v in value.items()}
    if isinstance(value, list):
        return [unpack(v, arrays) for v in value]
    return value
