"""Docstrings as the site's Markdown: examples become code blocks, references become code."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):`~?(?:[\w.]+\.)?(\w+)`")

FIELD = re.compile(r":(param|returns|raises|type|rtype)\b")


def as_markdown(text: str) -> str:
    """A docstring with its doctest examples fenced and its roles plain.

    :param text: a docstring.
    """
    lines: list[str] = []
    inside = False
    for line in _fields_last(ROLE.sub(r"`\1`", text)):
        starts = line.lstrip().startswith(">>>")
        if starts and not inside:
            lines.append("```pycon")
            inside = True
        elif inside and not line.strip():
            lines.append("```")
            inside = False
        lines.append(line.lstrip() if inside and starts else line)
    return "\n".join([*lines, "```"] if inside else lines)


def _fields_last(text: str) -> list[str]:
    """Lines with all ``:param:`` fields at the end: what follows a field would be read as part of it."""
    prose: list[str] = []
    fields: list[str] = []
    inside = False
    for line in text.splitlines():
        if FIELD.match(line):
            inside = True
        elif inside and line.strip() and not line.startswith(" ") and (not fields or not fields[-1].strip()):
            inside = False
        (fields if inside else prose).append(line)
    return [*prose, "", *(line for line in fields if line.strip())] if fields else prose


class Docstrings(griffe.Extension):
    """Applies :func:`as_markdown` to every docstring."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
