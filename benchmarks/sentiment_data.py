"""Amazon reviews of four domains: polarity and stars, near-duplicates on one side, five parts.

The reviews (Blitzer et al. 2007) lie beside the project, never in it. They fall into five parts by entity,
the same for all seeds. The seeds test the first three, one each; what was tried while the benchmark was
made was tried on the last two, which no seed tests.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tables_data import shared_tables

from umbel.data.batch import Masked
from umbel.data.entities import find_entities
from umbel.data.prepare import Prepared, prepare
from umbel.data.problem import Problem
from umbel.data.schema import Column
from umbel.data.split import Split
from umbel.encoders.sentence import Sentence
from umbel.seeding import numpy_generator

__all__ = ["DEVELOPED", "TESTED", "prepared", "remember", "reviews", "reviews_folder", "sides"]

PARTS, TESTED, DEVELOPED = 5, (0, 1, 2), (3, 4)
VALID = 0.125
INPUTS = {"title": "text", "review": "text"}


def reviews_folder() -> Path:
    """``$UMBEL_SHARED/text/amazon4`` or ``../shared/data/text/amazon4``."""
    return shared_tables().parent / "text" / "amazon4"


@cache
def reviews() -> pd.DataFrame:
    """8,000 reviews: domain, title, review (the title before the text), polarity, stars; and the entity."""
    with gzip.open(reviews_folder() / "reviews.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = pd.DataFrame([json.loads(line) for line in file])
    found = rows[["domain", "title", "text", "polarity"]].assign(
        stars=rows["rating"], review=rows["title"].fillna("") + " . " + rows["text"].fillna("")
    )
    asked = Problem.of({"polarity": "binary"}, duplicates=["text"])
    return found.assign(entity=find_entities(found, asked))


def _part() -> NDArray[np.int64]:
    """The part of each review, [8000]: entities are dealt, not rows."""
    entity = reviews()["entity"].to_numpy()
    order = np.random.default_rng(0).permutation(int(entity.max()) + 1)
    return np.asarray((order % PARTS)[entity])


def sides(seed: int, *, develop: bool = False) -> Split:
    """Training, validation and test rows of a seed; validation is drawn by the seed.

    :param develop: within the last two parts only: a quarter of their entities stands for test.
    """
    part, entity = _part(), reviews()["entity"].to_numpy()
    chance = numpy_generator(seed, "amazon sides").permutation(int(entity.max()) + 1) / (entity.max() + 1)
    drawn = chance[entity]
    if develop:
        side = np.where(drawn < 0.25, 2, np.where(drawn < 0.35, 1, 0))
        return Split.of(np.where(np.isin(part, DEVELOPED), side, -1))
    return Split.of(np.where(part == seed, 2, np.where(drawn < VALID, 1, 0)))


def prepared(split: Split, inputs: Sequence[str] = tuple(INPUTS)) -> Prepared:
    """The eight tasks: polarity and stars of each domain, rows layout."""
    asked = Problem.of(
        {"polarity": "binary", "stars": "ordinal"},
        by="domain",
        inputs={name: INPUTS[name] for name in inputs},
        entity=["entity"],
    )
    return prepare(reviews(), asked, split=split)


def remember() -> None:
    """Let the frozen sentence encoder read its numbers from a file of an earlier run (8 CPU-minutes).

    They depend on the text, the window and the published weights only, so no split knows of another.
    """
    transform = Sentence.transform

    def recalled(self: Sentence, frame: pd.DataFrame) -> Any:
        if self.tune:
            return transform(self, frame)
        columns = [
            _numbers(self, column, texts)
            for column, texts in zip(self.columns, self.texts(frame), strict=True)
        ]
        values, present = (torch.stack(parts, dim=1) for parts in zip(*columns, strict=True))
        return Masked(values, present)

    def _numbers(self: Sentence, column: Column, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        whole = reviews()[column.name].fillna("").tolist()
        mark = hashlib.sha256(json.dumps([whole, self.window]).encode()).hexdigest()[:16]
        path = Path(tempfile.gettempdir()) / f"umbel-sentences-{mark}.npy"
        if not path.is_file():
            one = Sentence([Column(column.name, "text")], window=self.window)
            found = transform(one, pd.DataFrame({column.name: whole})).values[:, 0].numpy()
            np.save(path, found)
        table, place = np.load(path), {text: row for row, text in enumerate(whole)}
        rows = [place.get(text, -1) for text in texts]
        full = torch.tensor([text != "" for text in texts], dtype=torch.bool)
        values = torch.from_numpy(table[rows]) * full[:, None]
        return values, full

    Sentence.transform = recalled  # type: ignore[method-assign]  # for this process only
