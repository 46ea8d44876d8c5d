"""A score that is a leak: recordings of one patient on both sides of a split, and the audit that stops it.

5,875 voice recordings of 42 patients (Tsanas et al. 2010); two scores of the illness are to be told from the
voice. A forest that has heard a patient in training knows the patient by the voice, and the score with it.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import GroupKFold, KFold

from umbel.data.auditing import audit
from umbel.data.entities import find_entities
from umbel.data.problem import Problem
from umbel.data.split import Split
from umbel.data.splitting import split_rows
from umbel.errors import DataError

TARGETS = ["motor_UPDRS", "total_UPDRS"]
PATIENT = "subject#"


def table() -> pd.DataFrame | None:
    """The recordings from ``$UMBEL_SHARED`` or ``../shared/data``; None where they are not there."""
    root = os.environ.get("UMBEL_SHARED")
    shared = Path(root) if root else Path(__file__).resolve().parents[2] / "shared" / "data"
    path = shared / "tables" / "parkinsons" / "parkinsons_updrs.tsv.gz"
    return pd.read_csv(path, sep="\t") if path.is_file() else None


def errors(frame: pd.DataFrame, splits: list[tuple[np.ndarray, np.ndarray]], trees: int) -> list[np.ndarray]:
    """Mean absolute error of a forest per target and of the training mean, over folds."""
    X, Y = frame.drop(columns=[*TARGETS, PATIENT]).to_numpy(), frame[TARGETS].to_numpy()
    found = []
    for train, test in splits:
        forest = RandomForestRegressor(trees, min_samples_leaf=3, random_state=0)
        told = np.stack([forest.fit(X[train], y).predict(X[test]) for y in Y[train].T], axis=1)
        guesses = told, np.broadcast_to(Y[train].mean(axis=0), Y[test].shape)
        found.append([np.abs(guess - Y[test]).mean(axis=0) for guess in guesses])
    forest_error, constant_error = np.mean(found, axis=0)
    return [forest_error, constant_error]


def main(trees: int = 40) -> None:
    """Both scores, then the audit of both splits."""
    frame = table()
    if frame is None:
        print("skipped: the recordings are not there; set UMBEL_SHARED to the folder of tables/parkinsons")
        return
    rows, patients = np.arange(len(frame)), frame[PATIENT]
    by_row = list(KFold(5, shuffle=True, random_state=0).split(rows))
    by_patient = list(GroupKFold(5).split(rows, groups=patients))
    print(f"mean absolute error of {' and '.join(TARGETS)}, 5 folds")
    for name, splits in (("recordings at random", by_row), ("by patient", by_patient)):
        forest, constant = errors(frame, splits, trees)
        print(f"  {name + ':':22} forest {forest[0]:.2f} {forest[1]:.2f}", end="  ")
        print(f"constant {constant[0]:.2f} {constant[1]:.2f}")

    sides = np.zeros(len(frame), dtype=np.int64)
    sides[by_row[0][1]] = 2
    for words, problem in (
        ("nobody has named the patient", Problem.of(TARGETS)),
        ("the patient is named", Problem.of(TARGETS, entity=PATIENT)),
    ):
        print(f"\nrecordings at random, {words}:")
        try:
            audit(frame, problem, Split.of(sides)).raise_leaks()
        except DataError as error:
            print(error)
    right = split_rows(frame, problem, find_entities(frame, problem))
    report = audit(frame, problem, right)
    report.raise_leaks()
    print(f"\nby patient: {report.words}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
