"""The benchmark tables as data frames with their problems; they lie beside the project, never in it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from umbel.data.problem import Problem

__all__ = ["TABLES", "shared_tables"]


def shared_tables() -> Path:
    """The folder with the tables: ``$UMBEL_SHARED/tables`` or ``../shared/data/tables``."""
    root = os.environ.get("UMBEL_SHARED")
    here = Path(__file__).resolve().parents[1]
    return (Path(root) if root else here.parent / "shared" / "data") / "tables"


def _arff(*paths: Path) -> pd.DataFrame:
    """Dense ARFF files with the same attributes, one below the other."""
    parts = []
    for path in paths:
        text = gzip.decompress(path.read_bytes()).decode("latin-1").splitlines()
        lines = [line.strip() for line in text if line.strip() and not line.startswith("%")]
        begin = next(i for i, line in enumerate(lines) if line.lower().startswith("@data"))
        names = [line.split()[1].strip("'\"") for line in lines[:begin] if line.lower()[:10] == "@attribute"]
        cells = [line.split(",") for line in lines[begin + 1 :]]
        parts.append(pd.DataFrame(cells, columns=names).replace("?", np.nan).astype(float))
    return pd.concat(parts, ignore_index=True)


def _split(train: float, valid: float, test: float) -> dict[str, Any]:
    return {"how": "random", "shares": (train, valid, test)}


def school() -> tuple[pd.DataFrame, Problem]:
    """15,362 pupils of 139 schools; the exam score is one task per school."""
    from scipy.io import loadmat

    mat = loadmat(shared_tables() / "school" / "school.mat")
    parts = []
    for index, (X, y) in enumerate(zip(mat["X"].ravel(), mat["Y"].ravel(), strict=True)):
        frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
        parts.append(frame.assign(score=y.ravel().astype(float), school=f"school {index:03d}"))
    frame = pd.concat(parts, ignore_index=True)
    # a constant column is the intercept that the file carries
    frame = frame.loc[:, frame.nunique() > 1]
    inputs = {name: "number" for name in frame.columns if name.startswith("x")}
    return frame, Problem.of(
        {"score": {"kind": "regression"}}, by="school", inputs=inputs, split=_split(0.6, 0.15, 0.25)
    )


def wq() -> tuple[pd.DataFrame, Problem]:
    """1,060 samples of river water, 14 species to predict."""
    frame = _arff(shared_tables() / "mulan" / "multi-target" / "wq.arff.gz")
    inputs, targets = list(frame.columns[:16]), list(frame.columns[16:])
    return frame, Problem.of(
        dict.fromkeys(targets, "regression"),
        inputs=dict.fromkeys(inputs, "number"),
        split=_split(0.6, 0.15, 0.25),
    )


def _multilabel(name: str, labels: int) -> tuple[pd.DataFrame, Problem]:
    folder = shared_tables() / "mulan" / "multi-label"
    frame = _arff(folder / f"{name}-train.arff.gz", folder / f"{name}-test.arff.gz")
    columns = list(frame.columns[-labels:])
    return frame, Problem.of(
        {"labels": {"kind": "multilabel", "columns": columns}},
        inputs=dict.fromkeys(frame.columns[:-labels], "number"),
        split=_split(0.6, 0.15, 0.25),
    )


def emotions() -> tuple[pd.DataFrame, Problem]:
    """593 songs, 6 emotions."""
    return _multilabel("emotions", 6)


def scene() -> tuple[pd.DataFrame, Problem]:
    """2,407 pictures, 6 scenes."""
    return _multilabel("scene", 6)


def sarcos() -> tuple[pd.DataFrame, Problem]:
    """A robot arm: 7 torques; 200 rows to learn from, the rest to test on."""
    from scipy.io import loadmat

    array = loadmat(shared_tables() / "sarcos" / "sarcos_inv_test.mat")["sarcos_inv_test"]
    names = [f"x{i}" for i in range(21)] + [f"torque{i}" for i in range(1, 8)]
    frame = pd.DataFrame(array, columns=names)
    few = 200 / len(frame)
    return frame, Problem.of(
        dict.fromkeys(names[21:], "regression"),
        inputs=dict.fromkeys(names[:21], "number"),
        split=_split(0.8 * few, 0.2 * few, 1 - few),
    )


def diabetes130() -> tuple[pd.DataFrame, Problem]:
    """101,766 hospital stays of 71,518 patients; five yes-or-no tasks and three numbers."""
    frame = pd.read_csv(
        shared_tables() / "diabetes130" / "diabetic_data.csv.gz",
        na_values=["?"],
        keep_default_na=False,
        low_memory=False,
    )
    result = frame["A1Cresult"]
    frame = frame.assign(
        readmitted_30=(frame["readmitted"] == "<30").astype(float),
        readmitted_any=(frame["readmitted"] != "NO").astype(float),
        medicated=(frame["diabetesMed"] == "Yes").astype(float),
        changed=(frame["change"] == "Ch").astype(float),
        a1c_above_8=np.where(result.isin(["None"]) | result.isna(), np.nan, result == ">8"),
        log_stay=np.log(frame["time_in_hospital"]),
        log_medications=np.log(frame["num_medications"]),
        log_labs=np.log(frame["num_lab_procedures"]),
    )
    counts = ["number_outpatient", "number_emergency", "number_inpatient", "num_procedures"]
    levels = ["race", "gender", "age", "admission_type_id", "admission_source_id"]
    levels += ["medical_specialty", "payer_code"]
    yes_or_no = ["readmitted_30", "readmitted_any", "medicated", "changed", "a1c_above_8"]
    return frame, Problem.of(
        dict.fromkeys(yes_or_no, "binary")
        | dict.fromkeys(("log_stay", "log_medications", "log_labs"), "regression"),
        inputs=dict.fromkeys(counts, "number") | dict.fromkeys(levels, "category"),
        entity=["patient_nbr"],
        split=_split(0.675, 0.075, 0.25),
    )


def health() -> tuple[pd.DataFrame, Problem]:
    """The same stays asked for two laboratory values that most of them lack: 83 % and 95 % are missing."""
    frame, problem = diabetes130()
    glucose = frame["max_glu_serum"]
    known = ~(glucose.isin(["None"]) | glucose.isna())
    frame = frame.assign(glucose_above_200=np.where(known, glucose.isin([">200", ">300"]), np.nan))
    targets = {name: spec for name, spec in problem.targets.items() if name != "readmitted_any"}
    asked = {name: str(spec.kind) for name, spec in targets.items()} | {"glucose_above_200": "binary"}
    return frame, Problem.of(asked, inputs=problem.inputs, entity=problem.entity, split=problem.split)


TABLES = {
    "school": school,
    "wq": wq,
    "emotions": emotions,
    "scene": scene,
    "sarcos": sarcos,
    "diabetes130": diabetes130,
    "health": health,
}
