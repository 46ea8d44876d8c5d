"""A target's name as a module's name, so that parameters are drawn by target and not by place."""

from __future__ import annotations

__all__ = ["module_name"]


def module_name(target: str) -> str:
    """A target's name as a module's name: torch allows no dot in it, and no attribute's name.

    >>> module_name("box.office")
    'of_box%2Eoffice'
    """
    return "of_" + target.replace("%", "%25").replace(".", "%2E")
