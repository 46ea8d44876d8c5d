"""Figures of a section as drawings: few colours, direct labels, readable on a phone.

Every drawing is 360 units wide, the width of a phone, and the page sets them side by side on a wider
screen; so its letters are of one size everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from umbel.app.report.curves import calibration, lines
from umbel.app.report.heat import heat
from umbel.app.report.points import bars, intervals
from umbel.app.report.svg import to_svg

if TYPE_CHECKING:
    from umbel.judging.section import Figure

__all__ = ["chart"]

_DRAW: dict[str, Callable[[Figure], Any]] = {
    "lines": lines,
    "intervals": intervals,
    "bars": bars,
    "heat": heat,
    "calibration": calibration,
}


def chart(figure: Figure, key: str) -> str:
    """The drawing of a figure.

    :param figure: as a section has it.
    :param key: unique in the page.
    :returns: one ``<svg>`` element; empty where the figure has no data.
    """
    empty = not figure.series if figure.matrix is None else figure.matrix.size == 0
    if empty or (all(len(s.x) == 0 for s in figure.series) and figure.matrix is None):
        return ""
    import matplotlib

    # Room is measured in matplotlib's own wide font; the page shows its own. A "$" in a name is no formula.
    with matplotlib.rc_context({"font.family": "DejaVu Sans", "text.parse_math": False}):
        return to_svg(_DRAW[figure.kind](figure), key)
