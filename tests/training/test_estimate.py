"""The estimate is of the right size."""

import time

import numpy as np
import pandas as pd

from umbel.data.prepare import prepare
from umbel.data.problem import Problem
from umbel.training.build import Plan
from umbel.training.estimate import estimate


def test_the_estimate_is_within_a_factor_of_four() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(12_000, 6)), columns=list("abcdef"))
    frame["y"] = frame["a"] + rng.normal(size=12_000)
    frame["z"] = frame["b"] + rng.normal(size=12_000)
    data = prepare(frame, Problem.of(["y", "z"]), seed=0)
    plan = Plan("net", [{"epochs": 4, "width": 64, "patience": 9}])
    told = estimate(data.train, data.valid, {"net": plan})
    begin = time.process_time()
    plan.fit(data.train, data.valid)
    spent = time.process_time() - begin
    assert spent / 4 < told.seconds["net"] < spent * 4
    assert 12_000 * 6 * 8 < told.memory < 2**30
    assert "CPU-seconds" in str(told)
    many = Plan("independent", [{"learner": "net", "space": [plan.space[0]]}])
    assert estimate(data.train, data.valid, {"i": many}).seconds["i"] > told.seconds["net"] / 2
