"""Sharing architectures at equal parameters: the widths at which their trunks are as large as hard sharing's.

Counted is what stands between features and heads, gates and adapters included. Heads are not counted: they
are linear in a representation that is narrower where the trunk is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from umbel.data.dataset import Dataset
from umbel.encoders.space import FeatureSpace
from umbel.errors import ConfigError
from umbel.sharing.sharing import SHARINGS
from umbel.training.learners.net_options import NetOptions
from umbel.training.learners.net_parts import model_of
from umbel.training.tabulate import fitted_space

__all__ = ["NEAR", "architectures", "dense_options", "picture_options"]

NEAR = 0.1
"""How far a trunk may be from hard sharing's, as a share of it."""


def architectures() -> list[str]:
    """All registered ones, hard sharing first."""
    return ["hard", *(name for name in SHARINGS.names() if name != "hard")]


def _size(name: str, shape: int | Sequence[int], targets: Sequence[str], options: Mapping[str, Any]) -> int:
    """Learned numbers of an architecture."""
    sharing = SHARINGS.get(name)(shape, targets, **options)
    return sum(p.numel() for p in sharing.parameters())


def nearest(size: Callable[[int], int], wanted: int, *, top: int) -> int:
    """The even width from 2 to ``top`` whose size, which grows with the width, is nearest to ``wanted``."""
    low, high = 1, top // 2
    while low < high:
        middle = (low + high) // 2
        if size(2 * middle) < wanted:
            low = middle + 1
        else:
            high = middle
    return min((2 * w for w in (low - 1, low) if w), key=lambda w: abs(size(w) - wanted))


def _held(name: str, size: int, wanted: int) -> int:
    """:raises ConfigError: the nearest size is too far off."""
    if abs(size - wanted) > NEAR * wanted:
        raise ConfigError(
            f"every trunk is within {NEAR:.0%} of hard sharing's",
            found=f"{name}: {size} learned numbers, hard: {wanted}",
            remedy="a larger net, or fewer experts",
        )
    return size


def dense_options(
    train: Dataset, options: NetOptions, *, only: Sequence[str] = ()
) -> dict[str, tuple[NetOptions, int]]:
    """Options by architecture for a net over a table, and the size of the trunk.

    :param train: the feature space is fitted on it.
    :param options: those of hard sharing.
    :param only: these architectures beside hard sharing; all where empty.
    """
    fitted = fitted_space(train, options.encoder_options())
    space = FeatureSpace(fitted.schema, options.encoder_options()).restore(fitted.state())
    model = model_of(options, space, train.tasks)
    width_in = model.space.out + (options.task_embedding if model.groups is not None else 0)
    targets = [target.name for target in train.tasks.targets]
    wanted = sum(p.numel() for p in model.sharing.parameters())
    found: dict[str, tuple[NetOptions, int]] = {}
    for name in ["hard", *only] if only else architectures():

        def size(width: int, name: str = name) -> int:
            return _size(name, width_in, targets, {"width": width, "depth": options.depth})

        width = nearest(size, wanted, top=2 * options.width)
        found[name] = replace(options, sharing=name, width=width), _held(name, size(width), wanted)
    return found


def picture_options(options: NetOptions, targets: Sequence[str]) -> dict[str, tuple[NetOptions, int]]:
    """Options by architecture for a net over MultiMNIST, and the size of the trunk.

    Channels and width are made smaller together; of all pairs of the right size, the one whose ratio is
    nearest to that of hard sharing.

    :param options: those of hard sharing, with the trunk in ``sharing_options``.
    """
    trunk, shape = dict(options.sharing_options or {}), (1, 28, 28)
    wanted = _size("hard", shape, targets, trunk)
    ratio = trunk["width"] / trunk["channels"]
    found = {}
    for name in architectures():
        fits: list[tuple[float, int, dict[str, Any]]] = []
        for channels in range(2, trunk["channels"] + 1, 2):

            def own(width: int, channels: int = channels) -> dict[str, Any]:
                return {**trunk, "channels": channels, "width": width}

            def size(width: int, name: str = name, own: Any = own) -> int:
                return _size(name, shape, targets, own(width))

            width = nearest(size, wanted, top=4 * trunk["width"])
            if abs(size(width) - wanted) <= NEAR * wanted / 2:
                off = abs(math.log(width / channels / ratio))
                fits.append((off, size(width), own(width)))
        if not fits:
            _held(name, 0, wanted)
        _, count, chosen = min(fits, key=lambda fit: fit[0])
        found[name] = replace(options, sharing=name, sharing_options=chosen), count
    return found
