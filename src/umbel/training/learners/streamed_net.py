"""The net over a table that is not held: a sample tells what it is, the file's row groups train it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from umbel.data.batch import Batch
from umbel.data.dataset import Dataset
from umbel.data.parquet import ParquetFile
from umbel.data.prepare import attach
from umbel.data.problem import Problem
from umbel.errors import ConfigError
from umbel.training.batches import BatchStream
from umbel.training.checkpoint import Store
from umbel.training.learners.net import Net
from umbel.training.loop import Loop
from umbel.training.tabulate import encoded, tabulate

__all__ = ["Source", "StreamedNet"]


@dataclass(frozen=True)
class Source:
    """Where the training rows are.

    :param file: the training rows, with the columns of inputs, targets and groups.
    :param problem: what is asked of them.
    :param buffer: rows that are shuffled together.
    :param shuffle: else rows as they stand.
    :param ahead: batches that are encoded together, at most.
    """

    file: ParquetFile
    problem: Problem
    buffer: int = 65_536
    shuffle: bool = True
    ahead: int = 32


class StreamedNet(Net):
    """A net whose batches come from a file. Once it is fitted it is a net like any other.

    Encoders and the heads' starts are fitted on the training rows of :meth:`fit`, a sample. What it learns,
    it learns from the file. Its options are those of :class:`~umbel.training.learners.net.Net`.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._stream: tuple[Source, Dataset] | None = None
        """The training rows, and the sample of them, while they are learned from."""

    def fit_from(self, source: Source, sample: Dataset, valid: Dataset) -> StreamedNet:
        """Fit on the rows of a file, stop on ``valid``.

        :param sample: some of the training rows.
        :raises ConfigError: an option needs all rows at once.
        """
        asked = {"optimizer": self.optimizer, "sampling": self.sampling, "curriculum": self.curriculum}
        fits = {"optimizer": "adamw", "sampling": "proportional", "curriculum": "none"}
        for name, value in asked.items():
            if value != fits[name]:
                raise ConfigError(
                    "a stream gives its rows as they come, and never all at once",
                    found=f"{name}: {value}",
                    remedy=f"{name}: {fits[name]}",
                )
        self._stream = source, sample
        try:
            self.fit(sample, valid)
        finally:
            self._stream = None
        return self

    def _loop(self, *parts: Any, **named: Any) -> Loop:
        """As of a net that holds the sample, but with batches of the file."""
        loop = super()._loop(*parts, **named)
        assert self._stream is not None, "it is fitted by fit_from"
        source, train = self._stream
        among = loop.processes
        loop.sampler = BatchStream(
            source.file,
            self._encoder(source, train),
            batch_size=self.batch_size,
            seed=loop.seed,
            buffer=source.buffer,
            shuffle=source.shuffle,
            ahead=source.ahead,
            rank=among.rank,
            world=among.world,
        )
        # known labels of the whole training set, as the sample tells: the prior's share
        loop.labels *= int(source.file.sizes.sum()) / len(train)
        return loop

    def _encoder(self, source: Source, train: Dataset) -> _Encode:
        problem = source.problem.model_copy(update={"entity": []})  # the batch needs no entities
        asked = [*train.schema.names, *problem.sources, *([problem.by] if problem.by else [])]
        columns = [name for name in source.file.columns if name in asked]
        return _Encode(self, train, problem, columns, source.file.path.parent)

    def _store(self, train: Dataset, valid: Dataset) -> Store | None:
        """A folder that is named after the file and its order as well."""
        store = super()._store(train, valid)
        if store is None or self._stream is None:
            return store
        source = self._stream[0]
        sizes = source.file.sizes.tolist()
        told = json.dumps([source.file.path.name, sizes, source.buffer, source.shuffle, source.ahead])
        mark = hashlib.sha256(told.encode()).hexdigest()[:8]
        return Store(store.folder.with_name(f"{store.folder.name}-{mark}"))


class _Encode:
    """From rows of the file to a batch, as the fitted encoders and kinds have it.

    :param folder: where media are that cells tell by their paths.
    """

    def __init__(
        self, net: StreamedNet, train: Dataset, problem: Problem, columns: Sequence[str], folder: Path
    ) -> None:
        self.net, self.problem, self.columns = net, problem, list(columns)
        self.schema, self.tasks, self.folder = train.schema, train.tasks, str(folder)

    def __call__(self, frame: pd.DataFrame) -> Batch:
        frame = frame[self.columns]
        frame.attrs["folder"] = self.folder
        rows = attach(frame, self.schema, self.tasks, problem=self.problem)
        space = self.net._space
        assert space is not None
        return tabulate(rows, encoded(rows, space, None), self.net._dtype())
