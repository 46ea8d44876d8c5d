"""Pictures that look the same: perceptual hashes that differ in few bits."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.errors import ConfigError, DataError

__all__ = ["near_images", "optional"]

BITS = 64
BLOCK = 1 << 20
"""Pairs that are compared at once."""


def optional(name: str, what: str) -> Any:
    """A library of the extra ``duplicates``.

    :param name: the package.
    :param what: what is compared by it, for the error.
    :raises ConfigError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ConfigError(
            f"{what} are compared by the extra 'duplicates'",
            found=f"no package {name}",
            remedy="pip install 'umbel[duplicates]'",
        ) from None


def near_images(images: Iterable[Any], *, distance: int = 4) -> NDArray[np.int64]:
    """Pictures whose perceptual hashes differ in few bits, or hang together through such, have one number.

    The 64 bits are cut into ``distance + 1`` bands. Two hashes that differ in at most ``distance`` bits
    agree in one band at least, so only hashes of one bucket are compared, and none is overlooked.
    Pictures without structure (one colour) are all alike.

    :param images: [B] of Pillow images, paths, arrays of bytes [H, W] or [H, W, 3], or None.
    :param distance: the most bits of 64 that may differ, from 0 to 15.
    :returns: [B], numbers from 0 in order of first sight; -1 where there is no picture.
    :raises ConfigError: the extra ``duplicates`` is absent, or the distance is outside 0 to 15.
    :raises DataError: a cell is no picture (the row is named).

    Source: Zauner 2010 (perceptual hash by the discrete cosine transform), as imagehash has it.

    >>> picture = np.random.default_rng(0).integers(0, 200, (32, 32), dtype=np.uint8)
    >>> near_images([picture, picture + 9, picture.T.copy(), None])
    array([ 0,  0,  1, -1])
    """
    if not 0 <= distance <= 15:
        raise ConfigError("the distance of near pictures is from 0 to 15 bits of 64", found=str(distance))
    hashing = optional("imagehash", "near-duplicate pictures")
    found = [_hash(hashing, image, row) for row, image in enumerate(images)]
    known = np.array([bits is not None for bits in found], dtype=bool)
    codes, values = pd.factorize(np.array([bits for bits in found if bits is not None], dtype=np.uint64))
    groups = np.full(len(found), -1, dtype=np.int64)
    groups[known] = pd.factorize(_clusters(np.asarray(values, dtype=np.uint64), distance)[codes])[0]
    return groups


def _hash(hashing: Any, image: Any, row: int) -> int | None:
    """The 64 bits of a picture, None where there is none."""
    from PIL import Image

    if (
        image is None
        or (isinstance(image, float) and image != image)
        or (isinstance(image, str) and not image)
    ):
        return None
    try:
        if isinstance(image, np.ndarray):
            if image.dtype != np.uint8:
                raise ValueError(f"an array of {image.dtype}, not of bytes (uint8)")
            image = Image.fromarray(image)
        if isinstance(image, Image.Image):
            bits = hashing.phash(image).hash
        else:
            with Image.open(image) as opened:
                bits = hashing.phash(opened).hash
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            "a picture is an image, a path or an array of bytes [H, W] or [H, W, 3]",
            found=f"row {row} (the first is 0): {error}",
            remedy="mend the cell, or leave it empty",
        ) from None
    return int.from_bytes(np.packbits(np.asarray(bits, dtype=bool).ravel()).tobytes(), "big")


def _clusters(values: NDArray[np.uint64], distance: int) -> NDArray[np.int64]:
    """A number for each distinct hash; those within the distance, directly or through others, share it."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(values)
    if count == 0:
        return np.empty(0, dtype=np.int64)
    edges: list[NDArray[np.int64]] = [np.empty((2, 0), dtype=np.int64)]
    cuts = np.linspace(0, BITS, distance + 2).astype(int)
    for low, high in pairwise(cuts):
        mask = np.uint64((1 << int(high - low)) - 1)
        edges.extend(_near(values, (values >> np.uint64(low)) & mask, distance))
    ends = np.concatenate(edges, axis=1)
    links = coo_array((np.ones(ends.shape[1], dtype=np.int8), (ends[0], ends[1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _near(values: NDArray[np.uint64], band: NDArray[np.uint64], distance: int) -> Iterator[NDArray[np.int64]]:
    """Pairs [2, pairs] of hashes of one bucket that differ in few bits, block by block."""
    order = np.argsort(band, kind="stable")
    # a hash is compared with those after it in its bucket: how many there are
    ends = np.searchsorted(band[order], band[order], side="right")
    after = ends - np.arange(len(order)) - 1
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(np.cumsum(after) // BLOCK)) + 1, [len(order)]])
    for begin, end in pairwise(cuts):
        many = after[begin:end]
        first = np.repeat(np.arange(begin, end), many)
        second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(many) - many, many)
        one, two = order[first], order[second]
        close = np.bitwise_count(values[one] ^ values[two]) <= distance
        yield np.stack([one[close], two[close]])
