"""What the encoders of images have in common: pixels of one size, their scale, and their plain view."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.batch import Masked
from umbel.data.cells import rows_named
from umbel.data.images import BrokenImageError, fit_to, read_image, shape_of
from umbel.data.schema import Column, ColumnType
from umbel.encoders.augment import Augment
from umbel.encoders.media import MediaEncoder
from umbel.errors import ConfigError, DataError

__all__ = ["OnError", "Pictures"]

OnError = Literal["stop", "skip"]
MOST = 64
"""Pixels of a side where no size is given."""
GRID = 16
"""Fields of a side of the plain view."""
CHUNK = 1024
"""Images whose pixels are numbers at once."""


class Pictures(MediaEncoder):
    """All image columns at once, brought to one size and to gray or colour.

    :param columns: image columns.
    :param width: features per column.
    :param size: height and width in pixels (one number: both); images of another size are stretched to it. By
        default the commonest size of the training images, shrunk until no side has more than 64.
    :param colour: whether three channels are seen; by default where some training image has colour.
    :param on_error: an image that cannot be read: ``stop`` is an error with its row and path, ``skip``
        makes it a missing cell and counts it in a warning.
    :param augment: changes in training, the keywords of :class:`~umbel.encoders.augment.Augment`.
    :raises ConfigError: an option has a value it cannot have.
    """

    reads: ClassVar[ColumnType] = "image"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        width: int = 128,
        size: int | Sequence[int] | None = None,
        colour: bool | None = None,
        on_error: OnError = "stop",
        augment: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(columns)
        if on_error not in ("stop", "skip"):
            raise ConfigError("on_error of images is 'stop' or 'skip'", found=repr(on_error))
        if not isinstance(width, int) or width < 1:
            raise ConfigError("the width of images is at least 1", found=repr(width))
        self.given = None if size is None else _sides(size)
        self.colour, self.on_error, self.augment = colour, on_error, Augment.of(augment)
        if any(column.skip for column in self.columns):
            self.on_error = "skip"
        self._width = width
        self.size = self.given or (32, 32)
        self.channels = 3 if colour else 1
        self.loc, self.scale = np.zeros(self.channels), np.ones(self.channels)
        self.plain_loc = np.zeros(self.channels * self._grid[0] * self._grid[1])
        self.plain_scale = np.ones(len(self.plain_loc))

    @abstractmethod
    def net(self) -> nn.Module:
        """A new module from standardised images [N, C, H, W] to features [N, width]."""

    @property
    def width(self) -> int:
        """Features of one column."""
        return self._width

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn size, channels, and the means and deviations of the pixels."""
        shapes = Counter(shape for _, _, shape in self._cells(frame, shape_of))
        if shapes:
            sizes: Counter[tuple[int, int]] = Counter()
            for (_, height, width), count in shapes.items():
                sizes[height, width] += count
            # the commonest, of equals the smallest: the order of the rows says nothing
            best = min(sizes, key=lambda size: (-sizes[size], size))
            self.size = self.given or _shrunk(best)
            colourful = any(channels == 3 for channels, _, _ in shapes)
            self.channels = 3 if (colourful if self.colour is None else self.colour) else 1
        values, present, _ = self._read(frame)
        images = values[present]
        self.loc, self.scale = _moments(images, lambda part: part.double() / 255)
        self.plain_loc, spread = _moments(images, lambda part: self._pooled(part).double())
        # a pixel that hardly ever changes must not count as much as all others together
        self.plain_scale = np.maximum(spread, 0.1 * self.scale.mean())

    def transform(self, frame: pd.DataFrame) -> Masked:
        """Pixels [B, K, C, H, W], bytes, and which cells have an image."""
        values, present, broken = self._read(frame)
        if broken:
            named = "; ".join(f"column '{name}', row {row} ({why})" for name, row, why in broken[:3])
            more = f"; and {len(broken) - 3} more" if len(broken) > 3 else ""
            _warn(f"{len(broken)} images could not be read and count as missing: {named}{more}")
        return Masked(values, present)

    def _cells(self, frame: pd.DataFrame, read: Any) -> Iterator[tuple[int, int, Any]]:
        """Row, column and what is read of each cell that has an image; broken ones are kept apart."""
        self._broken: list[tuple[str, int, str]] = []
        for k, column in enumerate(self.columns):
            # the index has the rows' numbers in their table, of which a frame has a part only
            numbers = frame.index.tolist()
            for row, cell in enumerate(frame[column.name].tolist()):
                if cell is None or (isinstance(cell, float) and np.isnan(cell)):
                    continue
                try:
                    found = read(cell)
                except BrokenImageError as error:
                    if self.on_error == "stop":
                        raise DataError(
                            "an image must be one that can be read",
                            found=f"column '{column.name}', {rows_named([numbers[row]])}: {error}",
                            remedy="mend the cell, leave it empty, or let all such cells be missing "
                            "(on_error: skip, beside the targets)",
                        ) from None
                    self._broken.append((column.name, numbers[row], str(error)))
                    continue
                yield row, k, found

    def _read(self, frame: pd.DataFrame) -> tuple[Tensor, Tensor, list[tuple[str, int, str]]]:
        count = len(self.columns)
        values = np.zeros((len(frame), count, self.channels, *self.size), dtype=np.uint8)
        present = np.zeros((len(frame), count), dtype=bool)
        for row, k, pixels in self._cells(frame, read_image):
            values[row, k] = fit_to(pixels, self.channels, self.size)
            present[row, k] = True
        return torch.from_numpy(values), torch.from_numpy(present), self._broken

    def build(self) -> None:
        """The layers."""
        self.layers = self.net()
        self.register_buffer("_loc", torch.tensor(self.loc.reshape(-1, 1, 1), dtype=torch.float32), False)
        self.register_buffer("_scale", torch.tensor(self.scale.reshape(-1, 1, 1), dtype=torch.float32), False)

    def embed(self, x: Any) -> Tensor:
        """Features [B * K, width] of pixels."""
        # missing ones too: gradients of a subsample want as many images of one row as of another
        features: Tensor = self.layers(self._prepared(x.values.flatten(0, 1)))
        return features

    def _prepared(self, pixels: Tensor) -> Tensor:
        """Standardised pixels [N, C, H, W], in training changed by chance."""
        loc, scale = self.get_buffer("_loc"), self.get_buffer("_scale")
        x = pixels.to(loc.dtype) / 255
        if self.training:
            x = self.augment(x)
        return (x - loc) / scale

    @property
    def _grid(self) -> tuple[int, int]:
        return min(self.size[0], GRID), min(self.size[1], GRID)

    @property
    def _fields(self) -> int:
        return self.channels * self._grid[0] * self._grid[1]

    @property
    def plain_names(self) -> list[str]:
        """The column, the colour where there are three, and the place from the upper left corner."""
        colours = ["red ", "green ", "blue "] if self.channels == 3 else [""]
        height, width = self._grid
        fields = [f"{colour}{i},{j}" for colour in colours for i in range(height) for j in range(width)]
        return [f"{column.name} {field}" for column in self.columns for field in fields]

    def _pooled(self, pixels: Tensor) -> Tensor:
        """Mean pixels of the fields [N, fields], 0 to 1."""
        return functional.adaptive_avg_pool2d(pixels.float() / 255, self._grid).flatten(1)

    def plain(self, x: Any) -> Tensor:
        """Mean pixels of 16 by 16 fields at most, standardised, [B, W]."""
        loc = torch.from_numpy(self.plain_loc).float()
        scale = torch.from_numpy(self.plain_scale).float()
        found = torch.zeros(len(x) * len(self.columns), self._fields)
        pixels, there = x.values.flatten(0, 1), x.present.flatten()
        for begin in range(0, len(pixels), CHUNK):
            part = slice(begin, begin + CHUNK)
            view = (self._pooled(pixels[part]) - loc) / scale
            found[part] = torch.where(there[part, None], view, 0.0)
        return found.view(len(x), -1)

    def state(self) -> dict[str, Any]:
        """Size, channels, and the scales of pixels and fields."""
        keys = ("loc", "scale", "plain_loc", "plain_scale")
        fitted = {key: getattr(self, key) for key in keys}
        return {"size": list(self.size), "channels": self.channels, **fitted}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` gave."""
        self.size, self.channels = _sides(state["size"]), int(state["channels"])
        for key in ("loc", "scale", "plain_loc", "plain_scale"):
            setattr(self, key, np.asarray(state[key], dtype=np.float64))


@lru_cache(maxsize=1000)
def _warn(words: str) -> None:
    """A warning that is given once: the rows are read by one learner after the other."""
    warnings.warn(words, stacklevel=3)


def _sides(size: Any) -> tuple[int, int]:
    """Height and width of an option."""
    sides = (size, size) if isinstance(size, int) else tuple(size) if isinstance(size, list | tuple) else ()
    if len(sides) != 2 or not all(isinstance(side, int) and 1 <= side <= 2048 for side in sides):
        raise ConfigError(
            "the size of images is one number of pixels, or height and width, from 1 to 2048",
            found=repr(size),
        )
    return sides[0], sides[1]


def _shrunk(size: tuple[int, int]) -> tuple[int, int]:
    """A size of the same proportions whose sides have 64 pixels at most."""
    share = min(1.0, MOST / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _moments(
    images: Tensor, numbers: Callable[[Tensor], Tensor]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of the second axis of what some numbers of images are; 0 and 1 without any."""
    width = numbers(torch.zeros(1, *images.shape[1:], dtype=images.dtype)).shape[1]
    count, total, square = 0, np.zeros(width), np.zeros(width)
    for begin in range(0, len(images), CHUNK):
        found = numbers(images[begin : begin + CHUNK]).transpose(0, 1).flatten(1)
        count += found.shape[1]
        total += found.sum(dim=1).numpy()
        square += found.square().sum(dim=1).numpy()
    mean = total / max(count, 1)
    spread = np.sqrt(np.maximum(square / max(count, 1) - mean**2, 0.0))
    return mean, np.where(spread > 1e-6, spread, 1.0)
