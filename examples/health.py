"""Patients with half of their laboratory values missing: which answers gain from being learned together?

    python examples/health.py [--data stays.csv --entity patient --targets a,b,c]

Without data it makes stays in a hospital up: several stays of a patient, yes-or-no answers and numbers, two
of them missing for most. A patient is on one side of the split for all tasks. Your own table needs a column
that names the patient; diabetes 130-US hospitals (Strack et al. 2014) is such a one.
"""

import argparse

import numpy as np
import pandas as pd

import umbel
from umbel.training.config import Config

TARGETS = {"back_in_30_days": "binary", "a1c_high": "binary", "glucose": "regression", "days": "regression"}


def synthetic(patients: int = 700) -> pd.DataFrame:
    """Stays whose answers hang on one hidden severity of the patient."""
    chance = np.random.default_rng(0)
    stays = np.repeat(np.arange(patients), chance.integers(1, 4, patients))
    severe = chance.normal(size=patients)[stays]
    count = len(stays)
    table = pd.DataFrame(
        {
            "patient": stays,
            "age": (55 + 10 * severe + 12 * chance.normal(size=count)).round(),
            "visits": chance.poisson(np.exp(0.4 * severe)),
            "ward": np.where(severe + chance.normal(size=count) > 0.5, "surgery", "medicine"),
            "note": np.where(severe + chance.normal(size=count) > 0, "weak and thirsty", "well"),
            "back_in_30_days": (severe + chance.normal(size=count) > 1).astype(float),
            "a1c_high": (severe + 0.7 * chance.normal(size=count) > 0.3).astype(float),
            "glucose": 120 + 30 * severe + 20 * chance.normal(size=count),
            "days": np.exp(1 + 0.4 * severe + 0.4 * chance.normal(size=count)),
        }
    )
    table.loc[chance.random(count) < 0.6, "a1c_high"] = np.nan
    table.loc[chance.random(count) < 0.8, "glucose"] = np.nan
    return table


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="a CSV file of stays")
parser.add_argument("--entity", default="patient", help="the column that names the patient")
parser.add_argument("--targets", help="columns that are asked, with commas between")
asked = parser.parse_args()
stays = synthetic() if asked.data is None else pd.read_csv(asked.data)

targets = TARGETS if asked.targets is None else asked.targets.split(",")
config = {"problem": {"targets": targets, "entity": asked.entity}, "model": {"name": "net", "folds": 0}}
config["compare"] = {"baselines": ["constant", "linear"], "ensembles": ["average"], "resamples": 200}
found = umbel.compare(stays, Config.read(config))
scores = found.scores.frame()
print(scores[["task", "model", "metric", "value", "gain_low", "gain_high", "verdict"]].to_string(index=False))
print(found.recommendation)
