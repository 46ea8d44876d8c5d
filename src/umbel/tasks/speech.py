"""Options of a head that writes: how it is made, and how it chooses its words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from umbel.errors import ConfigError, near

__all__ = ["Decoder", "How", "Speech"]

How = Literal["greedy", "top_p", "beam"]
"""``greedy``: the likeliest next token, each time. ``top_p``: drawn from the likeliest tokens that have the
probability p together (Holtzman et al. 2020). ``beam``: the likeliest text that a few open ones lead to."""
HOWS: tuple[How, ...] = ("greedy", "top_p", "beam")


@dataclass(frozen=True)
class _Options:
    """Options that come as a mapping and are checked."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """The options of a mapping.

        :raises ConfigError: there is no such option, or its value is none it can have.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for option in given:
            if option not in known:
                raise ConfigError(
                    f"an option of {cls.__name__.lower()} must be one it has",
                    found=f"'{option}'",
                    remedy=near(option, known),
                )
        return cls(**given)

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON."""
        return asdict(self)

    def _hold(self, option: str, within: bool, rule: str) -> None:
        if not within:
            raise ConfigError(f"'{option}' of tokens is {rule}", found=repr(getattr(self, option)))


@dataclass(frozen=True)
class Decoder(_Options):
    """How the head of a tokens target is made (``decoder:``).

    :param units: of the recurrent cell.
    :param embedding: width of a token's embedding; that of the cell where None.
    :param tied: the output layer has the weights of the embedding (Press & Wolf 2017).
    :param dropout: of embeddings and of what the cell gives, in [0, 1).
    """

    units: int = 128
    embedding: int | None = None
    tied: bool = True
    dropout: float = 0.5

    def __post_init__(self) -> None:
        self._hold("units", _whole(self.units), "a whole number, 1 or more")
        self._hold("embedding", self.embedding is None or _whole(self.embedding), "1 or more")
        self._hold("dropout", _number(self.dropout) and 0 <= self.dropout < 1, "a share in [0, 1)")

    @property
    def wide(self) -> int:
        """Width of a token's embedding."""
        return self.units if self.embedding is None else self.embedding


@dataclass(frozen=True)
class Speech(_Options):
    """How the texts of a tokens target are written (``write:``). The unknown piece is never written.

    :param how: ``greedy``, ``top_p`` or ``beam``.
    :param top_p: probability that the tokens drawn from have together, in (0, 1].
    :param temperature: of the probabilities drawn from, > 0; below 1 the likely ones get likelier.
    :param beams: open texts of a beam search, 1 or more; 1 is greedy.
    :param seed: of the draws.
    """

    how: How = "greedy"
    top_p: float = 0.9
    temperature: float = 1.0
    beams: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        self._hold("how", self.how in HOWS, "one of " + ", ".join(HOWS))
        self._hold("top_p", _number(self.top_p) and 0 < self.top_p <= 1, "a share in (0, 1]")
        self._hold("temperature", _number(self.temperature) and 0 < self.temperature < float("inf"), "> 0")
        self._hold("beams", _whole(self.beams), "a whole number, 1 or more")
        self._hold("seed", _whole(self.seed, 0), "a whole number, 0 or more")


def _whole(value: Any, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
