"""How rows are split, as a configuration has it."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

__all__ = ["CHEAP", "SplitSpec", "TestRows", "listed"]

TestRows = Literal["hard", "easy", "stratified"]
"""Which rows a split by difficulty tests: the hard ones, the easy ones, or some of each."""

CHEAP = "linear"
"""The model by whose loss rows are hard, where none is named."""

_KEYS = {
    "time": ("valid_from", "test_from", "gap", "horizon"),
    "situation": ("situation", "test", "valid"),
    "difficulty": ("difficulty", "test_rows", "learner", "folds"),
}


def listed(value: Any) -> Any:
    """One name stands for a list of one; everything else stays as it is.

    >>> listed("a"), listed(["a", "b"])
    (['a'], ['a', 'b'])
    """
    return [value] if isinstance(value, str) else value


def _dated(value: Any) -> Any:
    """YAML reads 2005-01-01 as a date; kept as text so that a problem is plain JSON."""
    return value.isoformat() if isinstance(value, datetime.date) else value


class SplitSpec(BaseModel):
    """How rows become training, validation and test rows.

    :param how: ``random`` (by entity), ``balanced`` (by entity, each side with its share of every task's
        labels, classes and quantiles), ``time``, ``situation`` (whole domains, sites, speakers held out), or
        ``difficulty`` (test harder than training, or all sides alike).
    :param shares: of entities (random), or of entities in order of time or of difficulty; they sum to 1.
    :param valid_from: first time of validation (``time``), a number or a date.
    :param test_from: first time of test.
    :param gap: ``time``: rows so long before the next period are left out; a number, or text as "7d".
    :param horizon: ``time``: how long after its row a label is known, or the column that says when; rows
        whose label is known only in the next period are left out.
    :param situation: ``situation``: the column that names it.
    :param test: ``situation``: those held out for test; drawn by ``shares`` where None.
    :param valid: ``situation``: those held out for validation; likewise.
    :param difficulty: ``difficulty``: the column of numbers that says how hard a row is, larger is harder;
        the loss of a model that has not seen the row where None.
    :param test_rows: ``difficulty``: ``hard`` (where None), ``easy``, or ``stratified``: some of each.
    :param learner: ``difficulty``: the model whose loss it is; ``linear`` where None.
    :param folds: ``difficulty``: in how many folds of entities it answers; 5 where None.
    :param seed: the run's seed where None.

    >>> SplitSpec(how="difficulty", test_rows="hard").shares
    (0.7, 0.1, 0.2)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    how: Literal["random", "balanced", "time", "situation", "difficulty"] = "random"
    shares: tuple[float, float, float] = (0.7, 0.1, 0.2)
    valid_from: Annotated[float | str | None, BeforeValidator(_dated)] = None
    test_from: Annotated[float | str | None, BeforeValidator(_dated)] = None
    gap: float | str | None = None
    horizon: float | str | None = None
    situation: str | None = None
    test: Annotated[list[str] | None, BeforeValidator(listed)] = None
    valid: Annotated[list[str] | None, BeforeValidator(listed)] = None
    difficulty: str | None = None
    test_rows: TestRows | None = None
    learner: str | None = None
    folds: Annotated[int | None, Field(ge=2)] = None
    seed: int | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> SplitSpec:
        if min(self.shares) < 0 or self.shares[0] == 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError("shares are three numbers >= 0 that sum to 1, the first above 0")
        if (self.valid_from is None) != (self.test_from is None):
            raise ValueError("valid_from and test_from are given together or not at all")
        for how, keys in _KEYS.items():
            if self.how != how and any(getattr(self, key) is not None for key in keys):
                raise ValueError(f"{', '.join(keys[:-1])} and {keys[-1]} need how: {how}")
        if self.how == "situation" and self.situation is None:
            raise ValueError("how: situation needs the key 'situation', the column that names it")
        if self.difficulty is not None and (self.learner is not None or self.folds is not None):
            raise ValueError("difficulty is a column or the loss of a learner: give one of the two")
        return self
