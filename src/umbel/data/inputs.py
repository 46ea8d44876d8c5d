"""Which columns are inputs, of which type, and why."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import blank
from umbel.data.infer import COUNTS, Inferred, counts_rows, find_separator, infer_column
from umbel.data.problem import Problem
from umbel.data.read import take_column
from umbel.data.schema import Column, Schema
from umbel.errors import DataError

__all__ = ["choose_inputs"]


def _reserved(problem: Problem) -> dict[str, str]:
    """Columns that are no inputs unless the problem lists them, and why."""
    reasons = dict.fromkeys(problem.ignore, "ignored, as given")
    if len(problem.entity) == 1:
        reasons[problem.entity[0]] = "names the entity"
    reasons |= dict.fromkeys(problem.group, "names the group that stays together")
    if problem.by is not None:
        reasons[problem.by] = "says which task a row belongs to"
    reasons.update(dict.fromkeys(problem.sources, "is asked"))
    return reasons


def choose_inputs(
    frame: pd.DataFrame, problem: Problem, rows: NDArray[np.int64] | None = None
) -> tuple[Schema, dict[str, str], dict[str, str]]:
    """The input columns, their types, and why.

    :param frame: the table.
    :param problem: what is given by the user goes before what is inferred.
    :param rows: training rows, by which types are inferred; all where None.
    :returns: schema, reasons by column, reasons by column left out.
    :raises DataError: a column that the problem names is not there, or no input is left.
    """
    listed = problem.inputs
    for name in [*(listed or ()), *problem.types, *problem.separators, *problem.side, *_tables(problem)]:
        take_column(frame, name, "input")
    for name in problem.ignore:
        take_column(frame, name, "ignored column")
    left_out = {} if listed is not None else _reserved(problem)
    columns, reasons = [], {}
    for name in frame.columns if listed is None else dict.fromkeys([*listed, *_tables(problem)]):
        if name in left_out:
            continue
        spec = listed.get(name) if listed is not None else None
        wanted = (
            "category" if name == problem.tables else (spec.type if spec else None) or problem.types.get(name)
        )
        separator = (spec.separator if spec else None) or problem.separators.get(name)
        column = blank(frame[name] if rows is None else frame[name].iloc[rows], problem.missing)
        if wanted is None and separator is not None:
            wanted = "set"
        if wanted is None:
            found = infer_column(column)
            if found.type == "number" and counts_rows(frame[name]):
                found = Inferred(None, COUNTS, id=True)
            if found.type is None and listed is None:
                left_out[name] = found.reason
                continue
            if found.type is None:  # the user wants it all the same
                found = _insist(column, found)
        else:
            found = Inferred(wanted, "as given", separator)
        if found.type == "set" and found.separator is None and separator is None:
            separator = _separator_of(column)
        flags = {
            "side": str(name) in problem.side,
            "table": name == problem.tables,
            "skip": problem.on_error == "skip" and found.type in ("image", "audio"),
        }
        columns.append(Column(str(name), found.type or "text", separator or found.separator, **flags))
        reasons[str(name)] = found.reason
    if all(column.side for column in columns):
        raise DataError(
            "at least one column must be an input",
            found="; ".join(f"'{name}': {why}" for name, why in list(left_out.items())[:8])
            or ("side inputs only" if columns else "none is listed"),
            remedy="list the input columns under 'inputs'",
        )
    return Schema(tuple(columns)), reasons, left_out


def _tables(problem: Problem) -> list[str]:
    """The column that says which table a row is of, an input that need not be listed."""
    return [] if problem.tables is None else [problem.tables]


def _insist(column: pd.Series, found: Inferred) -> Inferred:
    """A type for a column that is listed though it looks useless."""
    numeric = pd.api.types.is_numeric_dtype(column.dtype) or bool(column.isna().all())
    return Inferred("number" if numeric else "category", f"listed as an input, though: {found.reason}")


def _separator_of(column: pd.Series) -> str | None:
    """The separator of a column given as ``set``: the one that is seen, else a comma; None for lists."""
    known = column.dropna()
    texts = known[known.map(lambda cell: isinstance(cell, str))]
    return None if len(texts) == 0 else find_separator(texts) or ", "
