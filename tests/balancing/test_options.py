"""Options of balancers, checked."""

from __future__ import annotations

from typing import Any

import pytest

from umbel.balancing.auto_lambda import AutoLambda
from umbel.balancing.balancer import Balancer
from umbel.balancing.db_mtl import DualBalancing
from umbel.balancing.dwa import DynamicWeightAverage
from umbel.balancing.excess_mtl import ExcessRisks
from umbel.balancing.fairgrad import FairGrad
from umbel.balancing.famo import Famo
from umbel.balancing.fixed import Fixed
from umbel.balancing.graddrop import GradDrop
from umbel.balancing.gradnorm import GradNorm
from umbel.balancing.gradvac import GradVac
from umbel.balancing.imtl_l import ImpartialLosses
from umbel.balancing.moco import MoCo
from umbel.balancing.nash import Nash
from umbel.balancing.options import number, numbers, whole
from umbel.balancing.rlw import RandomLossWeighting
from umbel.balancing.stch import SmoothTchebycheff
from umbel.errors import ConfigError

WRONG: list[tuple[type[Balancer], dict[str, Any]]] = [
    (Fixed, {"weights": [1.0]}),
    (Fixed, {"weights": [1.0, -1.0]}),
    (Fixed, {"weights": [0.0, 0.0]}),
    (Fixed, {"weights": "ab"}),
    (Fixed, {"weights": [1.0, float("nan")]}),
    (RandomLossWeighting, {"distribution": "norml"}),
    (DynamicWeightAverage, {"temperature": 0}),
    (GradNorm, {"alpha": -1}),
    (GradNorm, {"lr": 1.0}),
    (ImpartialLosses, {"bound": 0.0}),
    (Famo, {"lr": 0}),
    (Famo, {"gamma": -0.1}),
    (Famo, {"min_losses": [0.0, 0.0, 0.0]}),
    (SmoothTchebycheff, {"mu": 0.0}),
    (SmoothTchebycheff, {"weights": [1.0, 0.0]}),
    (SmoothTchebycheff, {"reference": [1.0]}),
    (SmoothTchebycheff, {"warmup": 1.5}),
    (SmoothTchebycheff, {"warmup": -1}),
    (DualBalancing, {"beta": 1.0}),
    (DualBalancing, {"sigma": "0"}),
    (AutoLambda, {"primary": []}),
    (AutoLambda, {"primary": [2]}),
    (AutoLambda, {"primary": [0, 0]}),
    (AutoLambda, {"primary": 1}),
    (AutoLambda, {"initial": 0}),
    (AutoLambda, {"lr": True}),
    (FairGrad, {"alpha": 20.5}),
    (GradDrop, {"leak": 1.1}),
    (GradDrop, {"leak": True}),
    (GradVac, {"beta": -0.1}),
    (MoCo, {"beta": 0}),
    (MoCo, {"beta": 2}),
    (Nash, {"ridge": 1}),
    (ExcessRisks, {"step": float("inf")}),
    (ExcessRisks, {"warmup": 0}),
]


@pytest.mark.parametrize(("form", "options"), WRONG)
def test_an_option_out_of_its_range_is_named(form: type[Balancer], options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as told:
        form(2, **options)
    assert f"'{form.name}'" in told.value.rule
    assert told.value.found
    assert told.value.remedy


def test_a_range_is_told_in_words() -> None:
    with pytest.raises(ConfigError, match="'lr' of 'x' is a number, above 0 and below 1"):
        number("x", "lr", 1, above=0, below=1)
    with pytest.raises(ConfigError, match=r"'a' of 'x' is a number, at least 0\n"):
        number("x", "a", -1, least=0)
    with pytest.raises(ConfigError, match="'b' of 'x' is a number, at least 0 and at most 1"):
        number("x", "b", 1.5, least=0, most=1)
    with pytest.raises(ConfigError, match=r"'w\[1\]' of 'x' is a number, above 0"):
        numbers("x", "w", [1, 0], 2, default=1.0, above=0)


def test_what_fits_comes_back() -> None:
    assert number("x", "lr", 1) == 1.0
    assert number("x", "b", 1, least=0, most=1) == 1.0
    assert whole("x", "n", 3) == 3
    assert numbers("x", "w", None, 2, default=0.5).tolist() == [0.5, 0.5]
    assert numbers("x", "w", (1, 2), 2, default=0.5).tolist() == [1.0, 2.0]
