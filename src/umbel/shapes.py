"""The alphabet of shapes, the same in every docstring.

====== ==================================================
letter what it counts
====== ==================================================
B      rows of a batch or of a table
T      steps of a sequence
D      features
P      tasks
C      classes (or grades)
L      labels of a multi-label task
W      parameters
N      known labels
====== ==================================================
"""

from __future__ import annotations

from collections.abc import Sequence

from umbel.errors import ShapeError

__all__ = ["check_shape"]


def check_shape(name: str, shape: Sequence[int], want: Sequence[int | str]) -> dict[str, int]:
    """Hold a shape against its letters.

    :param name: what the array is called in the message.
    :param shape: the shape that came.
    :param want: numbers (must be equal) and letters (equal letters must be equal numbers).
    :returns: the number each letter stands for.
    :raises ShapeError: the number of axes or a size does not fit.

    >>> check_shape("gram", (3, 3), ("P", "P"))
    {'P': 3}
    """
    letters: dict[str, int] = {}
    fits = len(shape) == len(want)
    for size, axis in zip(shape, want, strict=False):
        fits = fits and size == (axis if isinstance(axis, int) else letters.setdefault(axis, size))
    if not fits:
        raise ShapeError(f"{name} must have the shape [{', '.join(map(str, want))}]", found=str(list(shape)))
    return letters
