"""Texts as pieces, words or characters, and back. Pure functions of strings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

__all__ = ["LEVELS", "Level", "join", "split"]

Level = Literal["word", "character"]
LEVELS: tuple[Level, ...] = ("word", "character")

_WORDS = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
_BLANKS = re.compile(r"\s+")
_CLOSE = re.compile(r" ([.,;:!?%)\]}…。，！？；：、])")
_OPEN = re.compile(r"([(\[{]) ")


def split(text: str, level: Level, *, lower: bool = True) -> list[str]:
    """The pieces of a text.

    :param level: ``"word"``: words, with their apostrophes, and each other mark by itself; ``"character"``:
        every character, a run of blanks as one (for languages without spaces, and for codes).
    :param lower: whether capital letters become small ones.

    >>> split("I don't know!", "word"), split("很 好", "character")
    (['i', "don't", 'know', '!'], ['很', ' ', '好'])
    """
    text = _BLANKS.sub(" ", text.strip())
    text = text.lower() if lower else text
    return list(text) if level == "character" else _WORDS.findall(text)


def join(pieces: Sequence[str], level: Level) -> str:
    """Pieces as a text; no blank before a closing mark or behind an opening one.

    >>> join(["well", ",", "i", "don't", "know", "(", "yet", ")", "."], "word")
    "well, i don't know (yet)."
    """
    if level == "character":
        return "".join(pieces)
    return _OPEN.sub(r"\1", _CLOSE.sub(r"\1", " ".join(pieces)))
