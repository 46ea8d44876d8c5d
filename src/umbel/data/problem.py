"""The problem: which columns are asked, which are given, and how the rows are split."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from umbel.data.keys import read_keys
from umbel.data.schema import ColumnType
from umbel.data.split_spec import SplitSpec, listed
from umbel.errors import ConfigError, near
from umbel.tasks import KINDS, Kind

__all__ = ["InputSpec", "Problem", "SplitSpec", "TargetSpec", "make_kind"]


def make_kind(name: str, options: Mapping[str, Any], where: str = "") -> Kind:
    """A kind from its name and options.

    :param name: a registered kind.
    :param options: keyword options of its constructor.
    :param where: what the error calls the place, e.g. ``"targets.score"``.
    :raises ConfigError: there is no such kind, or it has no such option.
    """
    make = KINDS.get(name)
    known = [p for p in inspect.signature(make).parameters if p not in ("args", "kwargs")]
    for option in options:
        if option not in known:
            raise ConfigError(
                f"an option of kind '{name}' must be one it has",
                found=f"{where}.{option}".lstrip("."),
                remedy=near(option, ["kind", "weight", "columns", *known]),
            )
    try:
        kind: Kind = make(**options)
    except (TypeError, ValueError) as error:  # a value of another type than the option has
        raise ConfigError(
            f"the options of kind '{name}' must have values they can have",
            found=", ".join(f"{option}: {value!r}" for option, value in options.items()) + f" ({error})",
            remedy="`umbel methods` and the docs of the kind tell what each may be",
        ) from None
    return kind


Names = Annotated[list[str], BeforeValidator(listed, json_schema_input_type=str | list[str])]


def _specs(short: str) -> Any:
    """A list of names, or a mapping whose values may be short (``score: regression``)."""

    def spread(value: Any) -> Any:
        if isinstance(value, str):
            value = [value]
        if isinstance(value, list | tuple):
            odd = [v for v in value if not isinstance(v, str)]
            if odd:
                raise ValueError(f"names of columns are text, but {odd[0]!r} is not: write it in quotes")
            twice = sorted({str(v) for v in value if value.count(v) > 1})
            if twice:
                raise ValueError(f"each column is named once, but '{twice[0]}' is there twice")
            value = {name: {} for name in value}
        if not isinstance(value, Mapping):
            return value
        return {k: {} if v is None else {short: v} if isinstance(v, str) else v for k, v in value.items()}

    return spread


class TargetSpec(BaseModel):
    """What is asked of one target column; further keys are options of its kind.

    :param kind: a registered kind; inferred from the training rows where None.
    :param weight: multiplied to the loss, >= 0.
    :param columns: source columns: one (another name for it) or several that are joined into one
        multi-label (0/1) or distribution target; the target's own name where None.
    :param decide_by: the metric that class decisions are chosen for on validation (``f1``, ``accuracy``,
        ``quadratic_kappa`` and so on); the kind's own where None.
    :param costs: cost of deciding column j where the truth is row i; replaces ``decide_by``.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str | None = None
    weight: float = Field(1.0, ge=0, allow_inf_nan=False)
    columns: Names | None = None
    decide_by: str | None = None
    costs: tuple[tuple[float, ...], ...] | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Options of the kind."""
        return dict(self.model_extra or {})

    @model_validator(mode="after")
    def _fits_kind(self) -> TargetSpec:
        if self.columns is not None and not self.columns:
            raise ValueError("columns must name at least one column")
        if self.kind is not None:
            try:
                make_kind(self.kind, self.options)
            except ConfigError as error:  # told again with its path
                raise ValueError(error.rule) from error
        return self


class InputSpec(BaseModel):
    """How one input column is read.

    :param type: ``number``, ``category``, ``set``, ``text``, ``date``, ``image``, ``audio`` or ``series``;
        inferred where None.
    :param separator: what stands between the names of a ``set``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ColumnType | None = None
    separator: str | None = None


Asked = str | list[str] | dict[str, TargetSpec | str | None]
Given = str | list[str] | dict[str, InputSpec | ColumnType | None] | None


class Problem(BaseModel):
    """Which columns are asked, which are given, and how rows are split.

    :param targets: target columns; a name, a list, or a mapping to kinds or :class:`TargetSpec`.
    :param by: rows layout: the column that says which task each row belongs to.
    :param inputs: input columns (a list, or a mapping to types); all that is left where None.
    :param types: types of some columns, instead of the inferred ones.
    :param side: input columns that enter at the heads, not below the shared trunk: a position, a concept,
        what the task is.
    :param tables: the column that says which of several tables a row is of, where they were read as one.
    :param ignore: columns that are no inputs.
    :param entity: rows with the same values in all of these columns are one entity.
    :param group: columns whose equal rows also stay on one side of the split, each by itself.
    :param duplicates: what else makes rows one entity: ``rows`` (the same content in all inputs), or
        columns of texts or images whose near-duplicates stay together (of sounds and series, equal ones).
    :param time: the column a split by time follows.
    :param separators: by ``set`` column, what stands between its names.
    :param missing: texts that stand for a missing cell, e.g. ``["?"]``.
    :param on_error: an image or a sound that cannot be read: ``stop`` is an error, ``skip`` makes it a
        missing cell.
    :param split: how rows are split.
    :param notes: sentences about the data that every report of it shows.

    >>> Problem.of("score", by="school").targets["score"].kind is None
    True
    >>> Problem.of({"score": "regresion"})
    Traceback (most recent call last):
    umbel.errors.ConfigError: a kind must be one that is registered
      found:  targets.score: 'regresion'
      remedy: did you mean 'regression'?
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    targets: Annotated[dict[str, TargetSpec], BeforeValidator(_specs("kind"), json_schema_input_type=Asked)]
    by: str | None = None
    inputs: Annotated[
        dict[str, InputSpec] | None, BeforeValidator(_specs("type"), json_schema_input_type=Given)
    ] = None
    types: dict[str, ColumnType] = {}
    side: Names = []
    tables: str | None = None
    ignore: Names = []
    entity: Names = []
    group: Names = []
    duplicates: Names = []
    time: str | None = None
    separators: dict[str, str] = {}
    missing: Names = []
    on_error: Literal["stop", "skip"] = "stop"
    split: SplitSpec = SplitSpec()
    notes: Annotated[list[str], BeforeValidator(listed)] = []

    @model_validator(mode="before")
    @classmethod
    def _difficulty_is_no_input(cls, keys: Any) -> Any:
        """The column that says how hard a row is tells of its answers: ignored unless it is listed."""
        split = keys.get("split") if isinstance(keys, Mapping) else None
        name = split.get("difficulty") if isinstance(split, Mapping) else getattr(split, "difficulty", None)
        if not isinstance(name, str) or keys.get("inputs") is not None:
            return keys
        ignored = listed(keys.get("ignore") or [])
        return keys if name in ignored else {**keys, "ignore": [*ignored, name]}

    @model_validator(mode="after")
    def _fits_together(self) -> Problem:
        if not self.targets:
            raise ValueError("at least one target column must be named")
        if self.by in self.sources:
            raise ValueError(f"'{self.by}' cannot be a target and the column of the groups at once")
        if self.inputs is not None and not set(self.side) <= set(self.inputs):
            odd = next(name for name in self.side if name not in self.inputs)
            raise ValueError(f"a side input is one of the inputs, but '{odd}' is not listed there")
        both = sorted({*(self.inputs or ()), *self.side} & (self.sources | {self.by}))
        if both:
            raise ValueError(f"a column that is asked cannot be an input, but '{both[0]}' is both")
        if self.split.how == "time" and self.time is None:
            raise ValueError("a split by time needs the key 'time', the column it follows")
        return self

    @staticmethod
    def of(targets: Problem | str | Iterable[str] | Mapping[str, Any], **keys: Any) -> Problem:
        """A problem from Python values.

        :param targets: as the class has it.
        :param keys: the other keys of the class; None leaves a key as it is.
        :raises ConfigError: a key or a value is wrong.
        """
        given = {k: v for k, v in keys.items() if v is not None}
        if isinstance(targets, Problem):
            given = {**targets.model_dump(), **given}
        else:
            short = targets if isinstance(targets, str | Mapping) else list(targets)
            given = {"targets": short, **given}
        return Problem.read(given, "")

    @staticmethod
    def read(keys: Mapping[str, Any], where: str = "problem") -> Problem:
        """A problem from the mapping of a YAML file.

        :param where: the path of the mapping in the file.
        :raises ConfigError: a key or a value is wrong; its path is named.
        """
        return read_keys(Problem, keys, where)

    @property
    def sources(self) -> set[str]:
        """Columns the answers are made of."""
        return {c for name, spec in self.targets.items() for c in (spec.columns or [name])}
