"""Columns of series for the tests of their encoders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from umbel.data.schema import Column
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.series_base import SeriesEncoder

WALK = Column("walk", "series")
PAIR = Column("pair", "series")


def table(rows: int = 40, seed: int = 0, *, gaps: bool = True) -> pd.DataFrame:
    """``walk`` of one feature and any length, ``pair`` of two; some cells and some steps are missing."""
    chance = np.random.default_rng(seed)
    walk: list[Any] = [3 + 2 * chance.normal(size=chance.integers(1, 12)).cumsum() for _ in range(rows)]
    pair: list[Any] = [chance.normal(size=(chance.integers(2, 9), 2)) * [1, 50] for _ in range(rows)]
    if gaps:
        walk[3] = None
        pair[5] = None
        pair[6][0, 1] = np.nan
    columns = {"walk": pd.Series(walk, dtype=object), "pair": pd.Series(pair, dtype=object)}
    return pd.DataFrame(columns)


def made(name: str, frame: pd.DataFrame, *columns: Column, **options: Any) -> SeriesEncoder:
    """A fitted encoder with parameters that are not all alike."""
    encoder: SeriesEncoder = ENCODERS.get(name)(columns or (WALK,), **options)
    encoder.fit(frame)
    encoder.build()
    torch.manual_seed(0)
    for module in encoder.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return encoder.double().eval()
