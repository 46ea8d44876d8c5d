"""Two tasks of one picture: the shape and the colour of what is drawn, in one net over one encoder of images.

    python examples/images.py [--data photos.csv --targets kind,season]

Without data it draws pictures, as arrays. A table of your own has a column of paths of image files (they
start at the table's folder) and a column for each task; an answer that is not known stays empty.
"""

import argparse

import numpy as np
import pandas as pd

import umbel
from umbel.data.read import read_table
from umbel.training.config import Config

COLOURS = {"red": (230, 60, 60), "blue": (60, 60, 230), "gray": (150, 150, 150)}
chance = np.random.default_rng(0)


def draw(shape: str, colour: str) -> np.ndarray:
    """A square, a frame or a cross anywhere on a noisy background: bytes [16, 16, 3]."""
    part = np.ones((7, 7), dtype=bool)
    if shape == "frame":
        part[2:5, 2:5] = False
    elif shape == "cross":
        part[np.ix_([0, 1, 5, 6], [0, 1, 5, 6])] = False
    picture = chance.integers(0, 90, (16, 16, 3), dtype=np.uint8)
    top, left = chance.integers(0, 10, 2)
    picture[top : top + 7, left : left + 7][part] = COLOURS[colour]
    return picture


def drawn(rows: int = 400) -> pd.DataFrame:
    """A table of pictures; the shape is known of most of them, the colour of all."""
    shapes, colours = chance.choice(["square", "frame", "cross"], rows), chance.choice(list(COLOURS), rows)
    pictures = [draw(shape, colour) for shape, colour in zip(shapes, colours, strict=True)]
    table = pd.DataFrame({"picture": pictures, "shape": shapes, "colour": colours})
    return table.assign(shape=table["shape"].mask(chance.random(rows) < 0.2))


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="a table with a column of image files")
parser.add_argument("--targets", default="shape,colour", help="the columns to predict")
asked = parser.parse_args()
table = drawn() if asked.data is None else read_table(asked.data)

options = {"epochs": 25, "patience": 25, "batch_size": 32, "lr": 4e-3, "dropout": 0.1}
images = {"augment": {"shift": 0.1}}  # moved by up to a tenth of the side, each time anew
config = Config.read(
    {
        "problem": {"targets": asked.targets.split(",")},
        "model": {"name": "net", "folds": 0, "options": {**options, "encoders": {"images": images}}},
        "compare": {"baselines": ["constant", "linear"], "ensembles": [], "audit": False},
    }
)
found = umbel.compare(table, config)
scores = found.scores.frame().pivot(index="task", columns="model", values="value")
print(scores.round(3).to_string())
