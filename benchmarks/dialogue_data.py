"""Rows of small talk: an utterance and the one before it, its act, its emotion, and the one that follows."""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tables_data import shared_tables

from umbel.data.batch import Masked
from umbel.data.schema import Column
from umbel.data.split import Split
from umbel.encoders.sentence import Sentence
from umbel.tasks.pieces import split

__all__ = ["FILE", "dialogues", "remember"]

FILE = "text/dailydialog1000/dialogues.jsonl.gz"


def _words(text: str) -> str:
    """Words, marks and neighbouring pairs of them, each once; a blank stands between them."""
    pieces = ["^", *split(text, "word"), "$"]
    return " ".join(dict.fromkeys([*pieces[1:-1], *(f"{a}_{b}" for a, b in pairwise(pieces))]))


@cache
def dialogues() -> tuple[pd.DataFrame, Split]:
    """One row for each utterance, and the sides of the set's own split; a dialogue is on one of them.

    Columns: dialogue, said, words (its words and marks, and pairs of them, as a set), before (None for the
    first), act, emotion, reply (None for the last).
    """
    rows, sides = [], []
    names = {"train": 0, "validation": 1, "test": 2}
    with gzip.open(shared_tables().parent / FILE, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            found = json.loads(line)
            turns = [turn.strip() for turn in found["turns"]]
            for t, said in enumerate(turns):
                rows.append(
                    {
                        "dialogue": number,
                        "said": said,
                        "words": _words(said),
                        "before": turns[t - 1] if t else None,
                        "act": str(found["acts"][t]),
                        "emotion": str(found["emotions"][t]),
                        "reply": turns[t + 1] if t + 1 < len(turns) else None,
                    }
                )
                sides.append(names[found["split"]])
    return pd.DataFrame(rows), Split.of(np.array(sides))


def remember() -> None:
    """Let the frozen sentence encoder read its numbers of these utterances from a file of an earlier run.

    They depend on the text and the published weights only, so no side knows of another.
    """
    transform = Sentence.transform
    texts = sorted(set(dialogues()[0]["said"]))
    mark = hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"umbel-dialogues-{mark}.npy"
    if not path.is_file():
        one = Sentence([Column("said", "text")])
        np.save(path, transform(one, pd.DataFrame({"said": texts})).values[:, 0].numpy())
    table, place = torch.from_numpy(np.load(path)), {text: row for row, text in enumerate(texts)}

    def recalled(self: Sentence, frame: pd.DataFrame) -> Any:
        columns = self.texts(frame)
        if self.tune or any(text and text not in place for column in columns for text in column):
            return transform(self, frame)
        rows = torch.tensor([[place.get(text, -1) for text in column] for column in columns]).T
        present = rows >= 0
        return Masked(table[rows.clamp(min=0)] * present[..., None], present)

    Sentence.transform = recalled  # type: ignore[method-assign]  # for this process only
