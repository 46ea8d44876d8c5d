"""Methods by name: each registers itself, and is found by scanning its package at the first look-up."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from umbel.errors import ConfigError, near

__all__ = ["Entry", "Registry"]

T = TypeVar("T")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """What a method says of itself when it registers.

    :param name: the name users write in YAML and on the command line.
    :param item: the class or function.
    :param summary: one line for ``umbel methods``.
    :param source: paper or origin, with the year.
    """

    name: str
    item: T
    summary: str
    source: str


class Registry(Generic[T]):
    """The methods of one kind.

    :param what: what one of them is called in messages, e.g. ``"kind"``.
    :param package: dotted name of the package whose modules register themselves.
    """

    def __init__(self, what: str, package: str) -> None:
        self.what, self.package = what, package
        self._entries: dict[str, Entry[T]] = {}
        self._scanned = False

    def register(self, name: str, *, source: str = "", summary: str = "") -> Callable[[T], T]:
        """Decorate a class or function to make it known under ``name``.

        :param name: lower case, words joined by ``_``.
        :param source: paper or origin, with the year.
        :param summary: one line; by default the first line of the docstring.
        :raises ConfigError: another method has the name already.
        """

        def keep(item: T) -> T:
            taken = self._entries.get(name)
            if taken is not None and getattr(taken.item, "__qualname__", "") != getattr(
                item, "__qualname__", None
            ):
                raise ConfigError(f"each {self.what} has a name of its own", found=f"'{name}' twice")
            text = summary or (getattr(item, "__doc__", "") or "").strip().split("\n")[0]
            self._entries[name] = Entry(name, item, text, source)
            return item

        return keep

    def _scan(self) -> None:
        if self._scanned:
            return
        self._scanned = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self.package}.{module.name}")

    def get(self, name: str) -> T:
        """The method called ``name``.

        :raises ConfigError: there is none; near names are given.
        """
        if name not in self._entries:
            self._scan()
        if name not in self._entries:
            raise ConfigError(
                f"a {self.what} must be one that is registered",
                found=f"'{name}'",
                remedy=near(name, self._entries),
            )
        return self._entries[name].item

    def names(self) -> list[str]:
        """All names, sorted."""
        self._scan()
        return sorted(self._entries)

    def __iter__(self) -> Iterator[Entry[T]]:
        return iter([self._entries[name] for name in self.names()])
