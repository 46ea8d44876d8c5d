"""A matplotlib figure as SVG that belongs into a page: the page's colours and fonts, nothing external."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BAD", "GOOD", "GRID", "INK", "MUTED", "PAPER", "SERIES", "to_svg"]

# Colours that stand for a variable of the page, so that one drawing serves light and dark.
INK, MUTED, GRID, PAPER, GOOD, BAD = (f"#0b0b{i:02x}" for i in range(1, 7))
SERIES = tuple(f"#0b0b{i:02x}" for i in range(0x11, 0x17))
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    PAPER: "--paper",
    GOOD: "--good",
    BAD: "--bad",
} | {colour: f"--series-{i + 1}" for i, colour in enumerate(SERIES)}

_SVG = "{http://www.w3.org/2000/svg}"
_XLINK = "{http://www.w3.org/1999/xlink}"


def to_svg(figure: Figure, key: str) -> str:
    """One ``<svg>`` element for a page.

    :param figure: drawn with the colours of this module.
    :param key: unique in the page; what inside the drawing refers to itself is named after it.
    :returns: markup whose colours are the page's variables; text stays text; no address outside.
    """
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": key}):
        figure.savefig(buffer, format="svg", transparent=True)
    root = ElementTree.fromstring(buffer.getvalue())
    for metadata in root.findall(f"{_SVG}metadata"):
        root.remove(metadata)
    for definitions in root.findall(f"{_SVG}defs"):
        for style in definitions.findall(f"{_SVG}style"):  # it would reach the whole page
            definitions.remove(style)
    text = ElementTree.tostring(root, encoding="unicode")
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    _clean(root, key, used)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("aria-hidden", "true")
    markup = ElementTree.tostring(root, encoding="unicode")
    for colour, variable in _VARIABLES.items():
        markup = markup.replace(colour, f"var({variable})")
    return markup


def _clean(root: Any, key: str, used: set[str]) -> None:
    """Drop name spaces and fonts, keep only ids that are referred to, and make those the key's own."""
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        link = element.attrib.pop(f"{_XLINK}href", None)
        if link is not None:
            element.set("href", f"#{key}-{link[1:]}" if link.startswith("#") else link)
        name = element.attrib.pop("id", None)
        if name in used:
            element.set("id", f"{key}-{name}")
        for attribute, value in list(element.attrib.items()):
            value = re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", value)
            if attribute == "style":
                value = re.sub(r"font: ?([0-9.]+px)[^;]*", r"font-size: \1", value)
                value = re.sub(r"font-family: ?[^;]*;?", "", value)
            element.set(attribute, value)
