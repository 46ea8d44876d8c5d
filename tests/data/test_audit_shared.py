"""The audit on real tables: the right split passes, a sabotaged one fails (skipped where they are absent)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shared_data import shared_data
from umbel.data.auditing import audit
from umbel.data.entities import find_entities
from umbel.data.problem import Problem, SplitSpec
from umbel.data.split import Split, split_randomly
from umbel.errors import DataError

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def dealt(codes: np.ndarray) -> Split:
    return split_randomly(codes, SplitSpec(), 0)


def parkinsons() -> tuple[pd.DataFrame, Problem]:
    frame = pd.read_csv(shared_data("tables/parkinsons/parkinsons_updrs.tsv.gz"), sep="\t")
    return frame, Problem.of(["motor_UPDRS", "total_UPDRS"], entity="subject#")


def molecules() -> tuple[pd.DataFrame, Problem]:
    """Six tables, one below the other: 41 binary tasks and 3 numbers, most labels missing."""
    files = {
        "tox21": {},
        "sider": {},
        "clintox": {},
        "ESOL_delaney-processed": {"measured log solubility in mols per litre": "solubility"},
        "FreeSolv_SAMPL": {"expt": "hydration"},
        "Lipophilicity": {"exp": "lipophilicity"},
    }
    parts = []
    for name, renamed in files.items():
        part = pd.read_csv(shared_data(f"tables/molecules/{name}.csv.gz"))
        part = part.drop(columns=["Unnamed: 0", "mol_id"], errors="ignore")
        parts.append(part.rename(columns=renamed)[["smiles", *renamed.values()]] if renamed else part)
    frame = pd.concat(parts, ignore_index=True).dropna(subset="smiles").reset_index(drop=True)
    return frame, Problem.of(
        [name for name in frame if name != "smiles"], inputs={"smiles": "text"}, entity="smiles"
    )


def diabetes130() -> tuple[pd.DataFrame, Problem]:
    """The stays of a tenth of the patients."""
    file = shared_data("tables/diabetes130/diabetic_data.csv.gz")
    frame = pd.read_csv(file, na_values=["?"], keep_default_na=False, low_memory=False)
    frame = frame[frame["patient_nbr"] % 10 == 0].reset_index(drop=True)
    result = frame["A1Cresult"]
    frame["a1c_above_8"] = np.where(result.isna() | (result == "None"), np.nan, result == ">8")
    frame["readmitted_any"] = (frame["readmitted"] != "NO").astype(float)
    levels = ["race", "gender", "age", "admission_type_id", "admission_source_id", "medical_specialty"]
    counts = ["number_outpatient", "number_emergency", "number_inpatient", "num_procedures"]
    return frame, Problem.of(
        ["readmitted_any", "a1c_above_8", "time_in_hospital", "num_medications"],
        inputs=dict.fromkeys(levels, "category") | dict.fromkeys(counts, "number"),
        entity="patient_nbr",
    )


@pytest.mark.parametrize("make", [parkinsons, molecules, diabetes130])
def test_the_right_split_passes_and_a_sabotaged_one_fails(make: Any) -> None:
    frame, problem = make()
    entities = find_entities(frame, problem)
    right = dealt(entities)
    report = audit(frame, problem, right)
    report.raise_leaks()
    assert report.overlap.shared == 0
    assert all(counts.sum() == 0 for counts in report.overlap.counts.values())
    assert report.warnings == []

    wrong = audit(frame, problem, dealt(np.arange(len(frame))))
    name = problem.entity[0]
    with pytest.raises(DataError, match=rf"entities \('{name}'\) are on two sides.*train row"):
        wrong.raise_leaks()
    assert wrong.overlap.worst[3] > 20

    # one row of one entity is enough
    sides = np.full(len(frame), -1)
    for number, side in enumerate(("train", "valid", "test")):
        sides[getattr(right, side)] = number
    several = np.flatnonzero((np.bincount(entities)[entities] > 1) & (sides == 0))[0]
    sides[several] = 2
    one = audit(frame, problem, Split.of(sides))
    assert one.overlap.shared == 1
    assert several in one.leaks[0].rows


@pytest.mark.parametrize("make", [parkinsons, diabetes130])
def test_the_patient_is_found_where_nobody_named_him(make: Any) -> None:
    frame, named = make()
    problem = named.model_copy(update={"entity": []})
    wrong = audit(frame, problem, dealt(np.arange(len(frame))))
    assert [leak.check for leak in wrong.leaks] == ["identity"]
    assert [one.column for one in wrong.identities] == named.entity
    with pytest.raises(DataError, match=rf"'{named.entity[0]}' looks like an identity"):
        wrong.raise_leaks()
    assert audit(frame, problem, dealt(find_entities(frame, named))).leaks == []


def test_molecules_that_nobody_named_are_copies() -> None:
    frame, named = molecules()
    wrong = audit(frame, named.model_copy(update={"entity": []}), dealt(np.arange(len(frame))))
    assert [leak.check for leak in wrong.leaks] == ["copies"]
    assert wrong.copies.kinds > 500
    row, other = wrong.copies.rows[0], wrong.copies.rows
    assert (frame["smiles"].iloc[list(other[1:])] == frame["smiles"].iloc[row]).sum() <= len(other)
    twins = np.flatnonzero((frame["smiles"] == frame["smiles"].iloc[row]).to_numpy())
    assert len(twins) > 1


def test_molecules_of_two_tables_meet_in_pairs_of_tasks() -> None:
    frame, problem = molecules()
    overlap = audit(frame, problem, dealt(np.arange(len(frame)))).overlap
    counts = pd.DataFrame(overlap.counts["train/test"], overlap.tasks, overlap.tasks)
    assert counts.loc["NR-AR", "FDA_APPROVED"] > 20  # of tox21 and of clintox
    assert counts.loc["solubility", "hydration"] > 20


@pytest.mark.parametrize(("name", "folder"), [("wq", "mulan"), ("emotions", "mulan"), ("sarcos", "sarcos")])
def test_tables_of_independent_rows_raise_no_alarm(name: str, folder: str) -> None:
    shared_data(f"tables/{folder}")
    spec = importlib.util.spec_from_file_location("tables_data", BENCHMARKS / "tables_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    frame, problem = module.TABLES[name]()
    report = audit(frame, problem, dealt(np.arange(len(frame))))
    assert report.leaks == []
    assert report.warnings == []
