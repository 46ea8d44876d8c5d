"""Numbers, names and lists as reports write them."""

from __future__ import annotations

from collections.abc import Sequence

from umbel.tasks import Kind

__all__ = ["interval", "label_names", "listed", "number", "signed"]


def number(value: float | None) -> str:
    """A number with about three digits that matter; an undefined one is a dash.

    >>> number(0.61234), number(12.345), number(1234.5), number(0.000123), number(0.0), number(None)
    ('0.612', '12.3', '1234', '0.00012', '0.000', '-')
    """
    if value is None:
        return "-"
    size = abs(value)
    if 0 < size < 0.001:
        return f"{value:.2g}"
    digits = 3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0
    return f"{value:.{digits}f}"


def signed(value: float | None) -> str:
    """The same with its sign.

    >>> signed(0.0391), signed(-0.2)
    ('+0.039', '-0.200')
    """
    text = number(value)
    return text if value is None or value < 0 else f"+{text}"


def interval(low: float | None, high: float | None) -> str:
    """An interval, or why there is none.

    >>> interval(0.0101, 0.0672), interval(None, None)
    ('[+0.010, +0.067]', '(no interval)')
    """
    if low is None or high is None:
        return "(no interval)"
    return f"[{signed(low)}, {signed(high)}]"


def listed(names: Sequence[str], *, most: int = 8) -> str:
    """Names as a sentence lists them.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b", "c"], most=1)
    ('a', 'a, b and c', 'a and 2 more')
    """
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def label_names(kind: Kind, count: int) -> list[str]:
    """What the classes or labels of a kind are called, in the order of their indices.

    :param count: how many there are; without fitted labels they are numbered.
    """
    fitted = kind.fitted
    labels: list[object] = next((fitted[key] for key in ("labels", "classes", "grades") if key in fitted), [])
    return [str(label) for label in labels] if len(labels) == count else [str(k) for k in range(count)]
