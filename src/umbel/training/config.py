"""What a run is told: the problem, the model, and how they are compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from umbel.data.keys import read_keys
from umbel.data.problem import Problem

__all__ = ["CompareConfig", "Config", "ModelConfig", "StreamConfig"]


class ModelConfig(BaseModel):
    """Which model is fitted.

    :param name: ``auto`` (chosen between families and strategies by validation) or a registered
        learner (``umbel methods`` lists them).
    :param options: keyword options of the learner; with ``auto``, of its nets.
    :param space: further sets of options to try; shared and separate models get the same space.
    :param keep: of several sets of options the best on validation, or the average of all.
    :param sharing: the nets' sharing architecture; the same as ``options: {sharing: ...}``.
    :param balancing: the nets' balancer, likewise.
    :param gradients: where the nets' task gradients are taken, likewise.
    :param curriculum: whether the nets see easy rows first, likewise.
    :param folds: cross-fit with so many folds; 0 never; None: 5 when there are few rows.
    :param average: with ``auto``, whether the average of all members is a candidate.
    :param leave_out: with ``auto``, learners that are not tried, to save their time (``independent`` is
        the net per task).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "auto"
    options: dict[str, Any] = {}
    space: list[dict[str, Any]] = []
    sharing: str | None = None
    balancing: str | None = None
    gradients: Literal["features", "parameters", "subsample"] | None = None
    curriculum: Literal["none", "quantile", "competence"] | None = None
    keep: Literal["best", "average"] = "best"
    folds: int | None = Field(None, ge=0)
    average: bool = True
    leave_out: list[str] = []

    @property
    def sets(self) -> list[dict[str, Any]]:
        """The sets of options to try, the plain one first."""
        names = ("sharing", "balancing", "gradients", "curriculum")
        named = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        plain = {**self.options, **named}
        return [plain, *({**plain, **more} for more in self.space)]


class CompareConfig(BaseModel):
    """How models are compared.

    :param resamples: bootstrap resamples of the test entities.
    :param splits: so many random splits; with more than one, the corrected interval over splits.
    :param baselines: stand beside every score.
    :param extra: further learners to print with their verdicts.
    :param metrics: the primary one of each kind, or all.
    :param audit: look for leaks and drift in the (first) split; the report tells what was found.
    :param ensembles: built of all members on held-out rows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    resamples: int = Field(1000, ge=50)
    splits: int = Field(1, ge=1)
    baselines: list[str] = ["constant", "linear", "boosted"]
    extra: list[str] = []
    metrics: Literal["primary", "all"] = "primary"
    audit: bool = True
    ensembles: list[Literal["average", "stacked"]] = ["average", "stacked"]


class StreamConfig(BaseModel):
    """How a Parquet file is streamed that is larger than memory.

    :param sample: training rows that are held, about: columns are inferred from them, kinds, encoders and
        baselines are fitted on them.
    :param valid: validation rows that are held at most, about; of a large file the share is smaller than
        asked for, so that no row is wasted.
    :param test: share of the entities that the fit leaves alone, for an honest score.
    :param buffer: training rows that are shuffled together.
    :param baselines: fitted on the sample, to stand beside the net.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sample: int = Field(200_000, ge=1)
    valid: int = Field(100_000, ge=1)
    test: float = Field(0.1, ge=0, lt=1)
    buffer: int = Field(65_536, ge=1)
    baselines: list[str] = ["constant", "linear"]


def _streamed(value: Any) -> Any:
    """True stands for the usual options, False for none."""
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


class Config(BaseModel):
    """A whole run; the YAML file has these keys.

    :param problem: which columns are asked, which are given, how rows are split.
    :param data: path of the table, where the command line does not give one; or paths by name of several
        tables, which become one (see :func:`umbel.data.tables.join_tables`).
    :param stream: read a Parquet file row group by row group, true or the options of it; None holds it.
    :param seed: of everything random.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    problem: Problem
    data: str | dict[str, str] | None = None
    model: ModelConfig = ModelConfig()
    compare: CompareConfig = CompareConfig()
    stream: Annotated[
        StreamConfig | None, BeforeValidator(_streamed, json_schema_input_type=bool | StreamConfig | None)
    ] = None
    seed: int = Field(0, ge=0, lt=2**32)

    @property
    def called(self) -> str:
        """What the data is called: the name of the file, or of each table."""
        return " and ".join(self.data) if isinstance(self.data, dict) else Path(self.data or "").name

    @staticmethod
    def read(keys: Mapping[str, Any]) -> Config:
        """A config from the mapping of a YAML file.

        :raises ConfigError: an unknown key or a wrong value; its path and near keys are named.
        """
        return read_keys(Config, keys)
