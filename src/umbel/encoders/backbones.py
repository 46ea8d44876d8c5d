"""A module of your own as the encoder of images: registered by name, so that a saved model can name it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from umbel.data.schema import Column
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.pictures import OnError, Pictures
from umbel.errors import ConfigError, near
from umbel.seeding import derive

__all__ = ["Backbone", "register", "registered", "unregister"]


@dataclass(frozen=True)
class _Entry:
    factory: Callable[[], nn.Module]
    width: int
    pretrained: bool


_ENTRIES: dict[str, _Entry] = {}


def register(name: str, factory: Callable[[], nn.Module], *, width: int, pretrained: bool = False) -> None:
    """Make a module known as a backbone of images.

    :param name: what options call it; a name that is known already is given to the new one.
    :param factory: makes a module from standardised images [N, C, H, W] to features [N, width]; called once
        for each net.
    :param width: its features.
    :param pretrained: the parameters that it comes with are where training begins; else they are drawn anew,
        from the run's seed.
    :raises ConfigError: the width is no whole number from 1.

    >>> register("mean_colour", lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), width=3)
    >>> options = {"images": {"encoder": "backbone", "backbone": "mean_colour", "colour": True}}
    """
    if not isinstance(width, int) or width < 1:
        raise ConfigError("the width of a backbone is at least 1", found=f"{name}: {width!r}")
    _ENTRIES[name] = _Entry(factory, width, pretrained)


def unregister(name: str) -> None:
    """Forget a backbone."""
    _ENTRIES.pop(name, None)


def registered() -> list[str]:
    """Names of all backbones, sorted."""
    return sorted(_ENTRIES)


def _entry(name: str) -> _Entry:
    if name not in _ENTRIES:
        first = f"register it first: umbel.encoders.backbones.register({name!r}, factory, width=...)"
        raise ConfigError(
            "a backbone is a module of yours that was registered in this process",
            found=f"backbone: {name!r}",
            remedy=f"{near(name, _ENTRIES)} else {first}" if _ENTRIES else first,
        )
    return _ENTRIES[name]


class _Given(nn.Module):
    """Gives the parameters back that a module came with, after they were drawn anew.

    Who draws parameters goes through the modules in order, so that this one comes after its neighbour.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._module = [module]  # in a list, so that it is no child of this one
        self._values = {key: value.detach().clone() for key, value in module.state_dict().items()}

    def reset_parameters(self) -> None:
        """The parameters of before."""
        self._module[0].load_state_dict(self._values)


class _Layers(nn.Module):
    """A module of the user's, with what keeps its parameters."""

    def __init__(self, module: nn.Module, given: bool) -> None:
        super().__init__()
        self.module = module
        self.given = _Given(module) if given else None

    def forward(self, x: Tensor) -> Tensor:
        """What the module makes of images [N, C, H, W]."""
        found: Tensor = self.module(x)
        return found


@ENCODERS.register("backbone", source="a module of the user's own")
class Backbone(Pictures):
    """All image columns at once through a module of your own, registered by name.

    A model folder holds the parameters and the name, never code: before it is loaded, the name must be
    registered again.

    :param columns: image columns.
    :param backbone: the registered name.
    :param frozen: its parameters stay as they are, and it runs as in evaluation.
    :param mean, deviation: of each channel, from 0 to 1, as the module expects them; by default those of the
        training images.
    :param size, colour, on_error, augment: as :class:`~umbel.encoders.pictures.Pictures` has them.
    :raises ConfigError: an option has a value it cannot have, no module of that name is registered, it lets
        rows see each other (batch norm in training), or its features are not [N, width].
    """

    name: ClassVar[str] = "backbone"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        backbone: str = "",
        frozen: bool = False,
        mean: Sequence[float] | None = None,
        deviation: Sequence[float] | None = None,
        size: int | Sequence[int] | None = None,
        colour: bool | None = None,
        on_error: OnError = "stop",
        augment: Mapping[str, Any] | None = None,
    ) -> None:
        self.entry = _entry(backbone)
        super().__init__(
            columns, width=self.entry.width, size=size, colour=colour, on_error=on_error, augment=augment
        )
        self.backbone, self.frozen = backbone, frozen
        self.mean, self.deviation = _per_channel("mean", mean), _per_channel("deviation", deviation)

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn size, channels, and what of the scales was not given."""
        super().fit(frame)
        for key, given in (("loc", self.mean), ("scale", self.deviation)):
            if given is None:
                continue
            if len(given) not in (1, self.channels):
                raise ConfigError(
                    "mean and deviation have a number for each channel",
                    found=f"{len(given)} numbers, {self.channels} channels",
                    remedy=f"colour: {str(len(given) == 3).lower()}",
                )
            setattr(self, key, np.broadcast_to(given, self.channels).copy())

    def build(self) -> None:
        """The module, once it is found to fit."""
        super().build()
        self._try()

    def net(self) -> nn.Module:
        """A new module of the registered kind."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(0, "backbone", self.backbone))
            module = self.entry.factory()
        if not isinstance(module, nn.Module):
            raise ConfigError(
                "the factory of a backbone makes a torch module",
                found=f"backbone '{self.backbone}': {type(module).__name__}",
            )
        module.requires_grad_(not self.frozen)
        for name, part in module.named_modules():
            # there is no public name for all kinds of batch norm
            if "BatchNorm" in type(part).__name__ and not self.frozen:
                raise ConfigError(
                    "the rows of a batch must not see each other",
                    found=f"backbone '{self.backbone}': {type(part).__name__} ({name})",
                    remedy="frozen: true, or another norm (nn.GroupNorm)",
                )
        return _Layers(module, self.entry.pretrained)

    def _try(self) -> None:
        """:raises ConfigError: the module does not give features [N, width]."""
        x = torch.zeros(2, self.channels, *self.size)
        try:
            with torch.no_grad():
                found = self.layers.eval()(x)
        except Exception as error:  # whatever a module of the user's says
            found = None
            words = str(error).split("\n")[0]
        if not isinstance(found, Tensor) or found.shape != (2, self.width):
            shape = list(found.shape) if isinstance(found, Tensor) else words if found is None else found
            raise ConfigError(
                f"a backbone makes features [N, {self.width}] of images [N, {self.channels}, {self.size[0]}, "
                f"{self.size[1]}]",
                found=f"backbone '{self.backbone}': of 2 images {shape}",
                remedy="mend the module, give 'size' and 'colour', or register its width",
            )
        self.layers.train(self.training)

    def train(self, mode: bool = True) -> Backbone:
        """In training or not; a frozen module never is."""
        super().train(mode)
        if self.frozen and hasattr(self, "layers"):
            self.layers.eval()
        return self


def _per_channel(name: str, given: Any) -> Any:
    """Numbers of an option, [1] or [3]."""
    if given is None:
        return None
    try:
        found = np.asarray(given, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        found = np.zeros(0)
    least = 0.0 if name == "mean" else 1e-6
    if len(found) not in (1, 3) or not np.isfinite(found).all() or (found < least).any():
        raise ConfigError(f"the {name} of a backbone is one number, or one per channel", found=repr(given))
    return found
