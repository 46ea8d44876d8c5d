"""A picture, a series and a word tell of one digit, each badly; together they do it well, and one may lack.

    python examples/witnesses.py [--fusion gated]

The data is made up here. For real images and spoken digits see benchmarks/fusion.py.
"""

import argparse

import numpy as np
import pandas as pd

import umbel
from umbel.encoders.fusion import FUSIONS

NAMES = ["zero", "one", "two", "three"]


def synthetic(rows: int = 900) -> pd.DataFrame:
    """Four digits: where a picture is bright, how a series swings, and a name with typing errors."""
    chance = np.random.default_rng(0)
    digit = chance.integers(0, 4, rows)
    pictures, waves, words = [], [], []
    for d in digit:
        picture = chance.normal(90, 55, (8, 8))
        picture[4 * (d // 2) : 4 * (d // 2) + 4, 4 * (d % 2) : 4 * (d % 2) + 4] += 30
        pictures.append(picture.clip(0, 255).astype(np.uint8))
        waves.append(np.sin(np.arange(12) * (0.5 + 0.5 * d)) + chance.normal(scale=1.5, size=12))
        letters = chance.choice(list("abcdefghijklmnopqrstuvwxyz"), len(NAMES[d]))
        words.append("".join(np.where(chance.random(len(letters)) < 0.6, letters, list(NAMES[d]))))
    digits = [NAMES[d] for d in digit]
    return pd.DataFrame(
        {"picture": pictures, "wave": waves, "word": words, "digit": digits, "even": digit % 2}
    )


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--fusion", default="concat", choices=FUSIONS.names())
asked = parser.parse_args()
table = synthetic()
train, test = table.iloc[:600], table.iloc[600:].reset_index(drop=True)
inputs = {"picture": "image", "wave": "series", "word": "text"}
options = {"fusion": asked.fusion, "modality_dropout": 0.2, "epochs": 16, "batch_size": 64, "width": 64}


def accuracy(given: list[str], **change: object) -> float:
    """Of a net that is given some of the inputs, on test rows of which some are changed."""
    alone = {**options, "modality_dropout": 0.2 if len(given) > 1 else 0.0}
    asks = {"digit": "multiclass", "even": "binary"}
    net = umbel.MultiTask(asks, inputs={k: inputs[k] for k in given}, model="net", options=alone, folds=0)
    return float((net.fit(train).predict(test.assign(**change))["digit"] == test["digit"]).mean())


found = {name: accuracy([name]) for name in inputs}
found["all three"] = accuracy(list(inputs))
found["all three, no word"] = accuracy(list(inputs), word=None)
for name, value in found.items():
    print(f"{name:20} {value:.3f}")
