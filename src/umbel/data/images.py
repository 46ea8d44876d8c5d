"""Images from paths, bytes and arrays, as pixels of one form: [C, H, W] bytes, gray or colour."""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from umbel.errors import ConfigError

__all__ = ["BrokenImageError", "Pixels", "fit_to", "read_image", "shape_of"]

Pixels = NDArray[np.uint8]
CHANNELS = (1, 3, 4)
"""Gray, colour, and colour with an alpha channel."""
LUMA = np.array([0.299, 0.587, 0.114])
"""Shares of red, green and blue in a gray pixel (ITU-R BT.601)."""
_GRAY = ("1", "L", "LA", "I", "F")
_TURNED = (5, 6, 7, 8)
"""Values of the orientation that a camera writes where width and height are exchanged."""
_ORIENTATION = 0x0112


class BrokenImageError(Exception):
    """A cell that is no image that can be read, and why."""


def _pillow() -> Any:
    """Pillow's module of images.

    :raises ConfigError: it is not installed.
    """
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise ConfigError(
            "image files and bytes are read by the extra 'image' (arrays need none)",
            found="no package Pillow",
            remedy="pip install 'umbel[image]'",
        ) from None


@contextmanager
def _opened(cell: str | bytes) -> Iterator[Any]:
    """An image file; however it is broken, here or while it is read, it is one error."""
    pillow = _pillow()
    where = f"{len(cell)} bytes" if isinstance(cell, bytes) else cell
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a damaged block that is no pixel
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            with pillow.open(io.BytesIO(cell) if isinstance(cell, bytes) else cell) as image:
                yield image
    except (BrokenImageError, MemoryError):
        raise
    except FileNotFoundError:
        raise BrokenImageError(f"{where}: there is no such file") from None
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        unknown = type(error).__name__ == "UnidentifiedImageError"
        words = "no image that Pillow knows" if unknown else str(error).split("\n")[0] or type(error).__name__
        raise BrokenImageError(f"{where}: {words}") from None


def _hold(size: tuple[int, ...]) -> bool:
    """Whether channels are the last axis: where the first fits too, the last one goes before."""
    return size[-1] in CHANNELS


def _checked(array: NDArray[Any]) -> NDArray[Any]:
    """The array as it came, if it can be an image."""
    if not (
        array.ndim == 2 or (array.ndim == 3 and (array.shape[2] in CHANNELS or array.shape[0] in CHANNELS))
    ):
        raise BrokenImageError(
            f"an array of shape {list(array.shape)}, where an image is [H, W], [H, W, C] or [C, H, W] with "
            "1, 3 or 4 channels"
        )
    if not array.size:
        raise BrokenImageError(f"an array of shape {list(array.shape)} has no pixel")
    return array


def shape_of(cell: str | bytes | NDArray[Any]) -> tuple[int, int, int]:
    """Channels (1 is gray, 3 is colour), height and width; of a file only the first bytes are read.

    :param cell: a path, bytes, or an array.
    :raises BrokenImageError: it is no image.
    :raises ConfigError: Pillow is needed, and not installed.

    >>> shape_of(np.zeros((28, 20))), shape_of(np.zeros((4, 28, 20)))
    ((1, 28, 20), (3, 28, 20))
    """
    if isinstance(cell, np.ndarray):
        shape = _checked(cell).shape
        if len(shape) == 2:
            return 1, shape[0], shape[1]
        channels, (height, width) = (shape[2], shape[:2]) if _hold(shape) else (shape[0], shape[1:])
        return 1 if channels == 1 else 3, height, width
    with _opened(cell) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _TURNED:
            width, height = height, width
        return 1 if image.mode.startswith(_GRAY) else 3, height, width


def read_image(cell: str | bytes | NDArray[Any]) -> Pixels:
    """The pixels of an image, [1, H, W] where it is gray, else [3, H, W].

    Whole numbers are from 0 to 255, fractions from 0 to 1; a file of 16 bits is brought to 8. What an alpha
    channel lets through is white. Of several frames it is the first; a camera's orientation is obeyed.

    :param cell: a path, bytes, or an array [H, W], [H, W, C] or [C, H, W] with 1, 3 or 4 channels (where both
        the first and the last axis could be channels, it is the last).
    :raises BrokenImageError: it is no image.
    :raises ConfigError: Pillow is needed, and not installed.

    >>> read_image(np.array([[0.0, 0.5], [1.0, 0.2]]))
    array([[[  0, 128],
            [255,  51]]], dtype=uint8)
    """
    if isinstance(cell, np.ndarray):
        return _flat(_bytes(_checked(cell)))
    with _opened(cell) as image:
        turned = importlib.import_module("PIL.ImageOps").exif_transpose(image)
        mode = turned.mode
        if mode.startswith("I;16"):
            wide: Pixels = (np.asarray(turned) >> 8).astype(np.uint8)
            return wide[None]
        if mode in ("I", "F"):
            return _flat(_bytes(np.asarray(turned)))
        clear = mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in turned.info
        gray = mode.startswith(_GRAY)
        form = "RGBA" if clear else "L" if gray else "RGB"
        pixels = _flat(np.asarray(turned.convert(form)))
        return pixels[:1] if gray else pixels


def _bytes(array: NDArray[Any]) -> Pixels:
    """Pixels of any type of number as bytes."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    most = 1 if array.dtype.kind == "f" else 255
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= most):  # not a number is caught too
        raise BrokenImageError(
            f"an array of {array.dtype} from {low:g} to {high:g}, where whole numbers are from 0 to 255 and "
            "fractions from 0 to 1"
        )
    return (np.rint(array * 255.0) if most == 1 else array).astype(np.uint8)


def _flat(array: Pixels) -> Pixels:
    """[H, W], [H, W, C] or [C, H, W] as [1 or 3, H, W], laid on white where there is an alpha channel."""
    if array.ndim == 2:
        return np.ascontiguousarray(array[None])
    pixels = np.moveaxis(array, 2, 0) if _hold(array.shape) else array
    if len(pixels) < 4:
        return np.ascontiguousarray(pixels)
    share = pixels[3:] / 255.0
    return np.rint(pixels[:3] * share + 255.0 * (1 - share)).astype(np.uint8)


def fit_to(pixels: Pixels, channels: int, size: tuple[int, int]) -> Pixels:
    """An image with so many channels and of this size: stretched, or shrunk without aliasing.

    :param pixels: [1 or 3, H, W].
    :param channels: 1 or 3.
    :param size: height and width.
    :returns: [channels, height, width].

    >>> fit_to(np.full((3, 4, 4), 9, dtype=np.uint8), 1, (2, 2)).tolist()
    [[[9, 9], [9, 9]]]
    """
    if channels == 1 and len(pixels) == 3:
        pixels = np.rint(np.tensordot(LUMA, pixels, axes=1)).astype(np.uint8)[None]
    if pixels.shape[1:] != tuple(size):
        values = torch.from_numpy(np.array(pixels)).float()[None]
        values = functional.interpolate(values, size=tuple(size), mode="bilinear", antialias=True)
        pixels = values[0].round_().clamp_(0, 255).byte().numpy()
    return np.repeat(pixels, channels, axis=0) if len(pixels) < channels else pixels
