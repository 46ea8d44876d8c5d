"""Coloured shapes, drawn by chance: what shape, what colour, how large; some of the answers are not known."""

from __future__ import annotations

import colorsys

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["COLOURS", "SHAPES", "draw", "shapes"]

SIDE = 32
SHAPES = ("circle", "square", "triangle", "cross", "ring")
COLOURS = {"red": 0.0, "yellow": 0.15, "green": 0.33, "cyan": 0.5, "blue": 0.65, "magenta": 0.83}
"""Their hues, in turns."""


def _inside(shape: str, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The pixels of a shape of size 1 about the origin."""
    if shape == "circle":
        return u**2 + v**2 < 0.81
    if shape == "square":
        return np.maximum(abs(u), abs(v)) < 0.8
    if shape == "triangle":
        return (v > -0.5) & (v < 1 - np.sqrt(3) * abs(u))
    if shape == "cross":
        return (np.minimum(abs(u), abs(v)) < 0.3) & (np.maximum(abs(u), abs(v)) < 1)
    return (u**2 + v**2 < 1) & (u**2 + v**2 > 0.36)


def draw(shape: str, hue: float, size: float, chance: np.random.Generator) -> NDArray[np.uint8]:
    """One picture [32, 32, 3]: a turned shape anywhere, on a background of noise with two specks of colour.

    :param hue: in turns.
    :param size: half of the shape's height, in pixels.
    """
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    slope = chance.uniform(-2, 2, 2)
    picture = np.full((SIDE, SIDE, 3), chance.uniform(40, 160)) + (slope[0] * y + slope[1] * x)[..., None]
    middle = chance.uniform(size, SIDE - 1 - size, 2)
    angle = chance.uniform(0, 2 * np.pi)
    down, across = y - middle[0], x - middle[1]
    u = (np.cos(angle) * across + np.sin(angle) * down) / size
    v = (np.cos(angle) * down - np.sin(angle) * across) / size
    tint = colorsys.hsv_to_rgb(hue % 1, chance.uniform(0.5, 1), chance.uniform(0.4, 1))
    picture[_inside(shape, u, v)] = 255 * np.array(tint)
    for _ in range(2):
        top, left = chance.integers(0, SIDE - 4, 2)
        speck = colorsys.hsv_to_rgb(chance.uniform(), *chance.uniform(0.3, 1, 2))
        picture[top : top + 4, left : left + 4] = 255 * np.array(speck)
    noisy = picture + chance.normal(0, 12, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def shapes(rows: int, seed: int, *, known: float = 0.5) -> pd.DataFrame:
    """A table of pictures with their shape, colour and size.

    :param known: an answer is known with this probability.
    """
    chance = np.random.default_rng(seed)
    pictures = np.empty(rows, dtype=object)
    names = list(COLOURS)
    shape = chance.integers(len(SHAPES), size=rows)
    colour = chance.integers(len(names), size=rows)
    size = chance.uniform(5, 11, rows)
    for row in range(rows):
        hue = COLOURS[names[colour[row]]] + chance.uniform(-0.06, 0.06)
        pictures[row] = draw(SHAPES[shape[row]], hue, size[row], chance)
    frame = pd.DataFrame(
        {
            "picture": pictures,
            "shape": np.array(SHAPES, dtype=object)[shape],
            "colour": np.array(names, dtype=object)[colour],
            "size": size,
        }
    )
    for name in ("shape", "colour", "size"):
        frame[name] = frame[name].mask(chance.random(rows) >= known)
    return frame
