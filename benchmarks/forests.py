"""One random forest per target as scikit-learn makes it, on the rows of `benchmarks/tables.py`.

    python benchmarks/forests.py        after tables.py wq emotions scene

The joint model of the tables is held against what a table's owner would write in two lines: per target
a random forest with the library's defaults and as many trees as umbel's forests have, fitted on the
training and validation rows of the same seeds. (`forest_per_task` in the tables is stronger: its kind of
tree and leaf size are chosen on validation.)
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).parent))

from record import RESULTS, Table, record
from tables_data import TABLES, shared_tables

from umbel.data.prepare import prepare
from umbel.judging.corrected import corrected_interval
from umbel.training.learners.forest import Forest

TREES = Forest().trees


def figure(table: str, seed: int) -> tuple[float, tuple[int, int]]:
    """Average relative RMSE (wq) or macro AUC, and the rows of training and test."""
    frame, problem = TABLES[table]()
    data = prepare(frame, problem, seed=seed)
    fit_on = data.train.join(data.valid)
    names = data.train.schema.names
    X, T = fit_on.frame(names).to_numpy(), data.test.frame(names).to_numpy()
    parts = []
    for target in problem.targets:
        Y, truth = fit_on.values(target), data.test.values(target)
        if table == "wq":
            base = np.sqrt(np.mean((truth - Y.mean()) ** 2))
            said = RandomForestRegressor(TREES, random_state=seed).fit(X, Y).predict(T)
            parts.append(float(np.sqrt(np.mean((truth - said) ** 2)) / base))
        else:
            parts += [_auc(X, Y[:, k], T, truth[:, k], seed) for k in range(Y.shape[1])]
    return float(np.mean(parts)), (len(fit_on), len(data.test))


def _auc(X: NDArray[Any], y: NDArray[Any], T: NDArray[Any], truth: NDArray[Any], seed: int) -> float:
    forest = RandomForestClassifier(TREES, random_state=seed).fit(X, y)
    return float(roc_auc_score(truth, forest.predict_proba(T)[:, 1]))


def main() -> int:
    """Run and record."""
    if not shared_tables().is_dir():
        print("skipped: the tables are not there; set UMBEL_SHARED to their folder")
        return 0
    rows, result, begin = [], {}, time.process_time()
    for table in ("wq", "emotions", "scene"):
        path = RESULTS / f"tables-{table}.json"
        if not path.is_file():
            print(f"no {path.name} yet: run benchmarks/tables.py {table} first")
            continue
        told = json.loads(path.read_text(encoding="utf-8"))
        joint = np.array(told["results"]["models"]["joint"]["each"])
        found = [figure(table, seed) for seed in told["seeds"]]
        plain = np.array([value for value, _ in found])
        gain = joint - plain
        low, high = corrected_interval(gain, *found[0][1])
        rows.append([table, joint.mean(), plain.mean(), gain.mean(), low, high])
        result[table] = {
            "joint": joint.tolist(),
            "plain": plain.tolist(),
            "difference": [gain.mean(), low, high],
        }
        print(*(round(c, 4) if isinstance(c, float) else c for c in rows[-1]), flush=True)
    caption = (
        f"Joint model against one random forest of {TREES} trees per target with scikit-learn's defaults; "
        "wq: average relative RMSE (smaller is better), others macro AUC; Nadeau-Bengio interval of the "
        "difference."
    )
    columns = ["table", "joint", "forest per target", "difference", "low", "high"]
    spent = time.process_time() - begin
    record("forests", result, seeds=range(10), tables=[Table(caption, columns, rows)], cpu_seconds=spent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
