"""Columns that look like an identity: rows of one value are the same person, machine or molecule.

A column is held for an identity where all of this is so:

1. It holds text or whole numbers with at least 10 values that come again. Booleans, dates, numbers with
   fractions, the targets, the column of the groups (rows layout) and the time column are none.
2. Rows of one value are alike. Likeness is the intraclass correlation of a column within the values (0 by
   chance, 1 where it is constant within each). Where the column's name says that it names things (``id``,
   ``patient``, ``subject`` and so on), the median likeness of the inputs is at least 0.15, and 1 in 20 rows
   has another of its value. Else some target's likeness is at least 0.7, the inputs' median is at least
   0.3, and half of the rows have another of their value.
3. Of whole numbers without such a name, the order means nothing: their median rank correlation with the
   inputs is at most 0.25 in size, and the target's means of neighbouring values differ about as much as
   those of any two (von Neumann's ratio at least 0.5). Else it is a quantity.
4. No other such column is finer: of ``subject`` and ``age``, where a subject has one age, the subject is it.

So ``sex`` or ``club`` (few values), ``city`` (other inputs differ within it) and ``age`` (a quantity) are no
identities. A table with fewer than two further inputs cannot tell, and one where more than three columns
without such a name would be identities has rows that hang together otherwise: none of them is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.audit_likeness import SPARE, likeness, rank_correlation, von_neumann
from umbel.data.audit_tasks import Part
from umbel.data.cells import is_listed
from umbel.data.infer import NAMED_ID, counts_rows
from umbel.data.marks import comparable, holds_media
from umbel.seeding import numpy_generator

__all__ = ["Identity", "find_identities"]

ROWS = 20_000
LEVELS = 10
MANY = 3
NAMES = re.compile(
    r"(^|[^a-z])(subject|patient|person|participant|respondent|user|customer|client|student|pupil|speaker|"
    r"member|household|animal|driver|player|molecule|compound|smiles|case|serial|device|machine)s?"
    r"([^a-z]|$)"
)

Codes = NDArray[np.int64]
Answers = Callable[[Codes], Mapping[str, Sequence[Part]]]


@dataclass(frozen=True)
class Identity:
    """A column that looks like an identity.

    :param column: its name.
    :param levels: number of its values.
    :param rows: mean number of rows of a value.
    :param inputs: median likeness of the other inputs within a value.
    :param target: the target that is most alike within a value; empty where none could be measured.
    :param likeness: its likeness.
    :param named: whether its name says that it names things.
    """

    column: str
    levels: int
    rows: float
    inputs: float
    target: str
    likeness: float
    named: bool

    @property
    def why(self) -> str:
        """What speaks for it, in words."""
        told = f", '{self.target}' {self.likeness:.2f}" if self.target else ""
        return (
            f"{self.levels:,} values with {self.rows:.1f} rows each, and rows of one value are alike "
            f"(intraclass correlation: median of the inputs {self.inputs:.2f}{told})"
        )


def _levels(column: pd.Series) -> Codes | None:
    """Codes of a column that could be an identity, -1 where missing; None where it could be none."""
    if is_listed(column) or holds_media(column) or pd.api.types.is_bool_dtype(column.dtype):
        return None
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or counts_rows(column):
        return None
    if pd.api.types.is_float_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        if bool((np.isfinite(values) & (values != np.floor(values))).any()):
            return None
    # numbers in order, so that the order of the codes is theirs
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    try:
        return pd.factorize(column, sort=numeric)[0].astype(np.int64)
    except TypeError:  # cells that cannot be told apart
        return None


def _some(codes: Codes, seed: int) -> Codes:
    """Rows of whole levels drawn by chance, about ``ROWS`` of them."""
    known = np.flatnonzero(codes >= 0)
    if len(known) <= ROWS:
        return known
    sizes = np.bincount(codes[known])
    order = numpy_generator(seed, "identity").permutation(len(sizes))
    taken = np.zeros(len(sizes), dtype=bool)
    taken[order[: max(LEVELS, int((np.cumsum(sizes[order]) <= ROWS).sum()))]] = True
    rows = known[taken[codes[known]]]
    return rows if len(rows) <= 5 * ROWS else numpy_generator(seed, "rows").permutation(rows)[: 5 * ROWS]


def _most_alike(levels: Codes, rows: Codes, answers: Answers) -> tuple[float, str, pd.Series | None]:
    """The target most alike within levels: its likeness (the mean of its parts), its name, its cells."""
    best: tuple[float, str, pd.Series | None] = (0.0, "", None)
    for target, parts in answers(rows).items():
        cells = [part.cells for part in parts]
        found = [likeness(levels, one) for one in cells]
        known = [value for value in found if not np.isnan(value)]
        if known and float(np.mean(known)) > best[0]:
            best = (float(np.mean(known)), target, cells[int(np.nanargmax(found))])
    return best


def _is_quantity(levels: Codes, rows: Codes, inputs: Sequence[pd.Series], told: pd.Series) -> bool:
    """Whether the order of whole numbers means something, for the inputs or for the target."""
    return von_neumann(levels, told) < 0.5 or rank_correlation(levels, [c.iloc[rows] for c in inputs]) > 0.25


def _judge(
    name: str, codes: Codes, rows: Codes, inputs: Sequence[pd.Series], answers: Answers, numeric: bool
) -> Identity | None:
    """The column as an identity; None where it is none."""
    known = codes[codes >= 0]
    sizes = np.bincount(known, minlength=1)
    count = int((sizes > 0).sum())
    again = float(sizes[sizes > 1].sum()) / max(len(known), 1)
    named = bool(NAMES.search(name.lower()) or NAMED_ID.search(name) or NAMED_ID.search(name.lower()))
    if count < LEVELS or len(known) - count < SPARE or again < (0.05 if named else 0.5):
        return None
    mine = codes[rows]
    found = np.array([likeness(mine, column.iloc[rows]) for column in inputs])
    found = found[~np.isnan(found)]
    if len(found) < 2:
        return None
    typical = float(np.median(found))
    if typical < (0.15 if named else 0.3):
        return None
    best, target, told = _most_alike(mine, rows, answers)
    if not named and (best < 0.7 or told is None):
        return None
    if not named and numeric and told is not None and _is_quantity(mine, rows, inputs, told):
        return None
    return Identity(name, count, len(known) / count, typical, target, best, named)


def find_identities(
    frame: pd.DataFrame,
    inputs: Sequence[str],
    answers: Answers,
    without: Collection[str],
    *,
    seed: int = 0,
) -> dict[str, tuple[Identity, Codes]]:
    """Columns of a table that look like an identity, by the rule above.

    :param frame: the table, blank cells missing.
    :param inputs: names of the input columns, whose likeness counts.
    :param answers: gives the parts of each target's answers for some rows.
    :param without: columns that are not asked about.
    :param seed: of the values that are drawn where there are more than 20,000 rows.
    :returns: by column, what was found and its codes [B] (-1 where missing).
    """
    found: dict[str, tuple[Identity, Codes]] = {}
    plain = {n: comparable(frame[n]) for n in inputs}
    for name in frame.columns:
        codes = None if name in without else _levels(frame[name])
        if codes is None:
            continue
        others = [column for other, column in plain.items() if other != name]
        numeric = pd.api.types.is_numeric_dtype(frame[name].dtype)
        one = _judge(name, codes, _some(codes, seed), others, answers, numeric)
        if one is not None:
            found[name] = (one, codes)
    unnamed = [name for name, (one, _) in found.items() if not one.named]
    if len(unnamed) > MANY:
        found = {name: one for name, one in found.items() if name not in unnamed}
    coarse = {a for a in found for b in found if a != b and _finer(found[b], found[a])}
    return {name: one for name, one in found.items() if name not in coarse}


def _finer(one: tuple[Identity, Codes], other: tuple[Identity, Codes]) -> bool:
    """Whether each value of one column has one value of the other, and the other has fewer."""
    if one[0].levels <= other[0].levels:
        return False
    known = (one[1] >= 0) & (other[1] >= 0)
    pairs = pd.unique(one[1][known] * (int(other[1].max(initial=0)) + 1) + other[1][known])
    return len(pairs) <= 1.01 * len(pd.unique(one[1][known]))
