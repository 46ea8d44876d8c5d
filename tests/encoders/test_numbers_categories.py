"""Numbers and categories against plain formulas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import rankdata

from umbel.data.schema import Column
from umbel.encoders.categories import Categories
from umbel.encoders.numbers import Numbers
from umbel.errors import DataError


def test_standard_scores_with_missing_indicators() -> None:
    train = pd.DataFrame({"y": [1.0, np.nan, 3.0, 5.0], "x": [2.0, 4.0, 6.0, 8.0]})
    encoder = Numbers([Column("y", "number"), Column("x", "number")])
    encoder.fit(train)
    found = encoder.transform(train).numpy()
    filled = np.array([1.0, 3.0, 3.0, 5.0])
    x = train["x"].to_numpy()
    expected = [
        (x - x.mean()) / x.std(),
        (filled - 3) / filled.std(),
        [-1 / 3**0.5, 3**0.5] + [-1 / 3**0.5] * 2,
    ]
    np.testing.assert_allclose(found, np.stack(expected, axis=1), rtol=1e-5)
    assert encoder.transform(train).dtype == torch.float32


def test_missing_only_at_prediction_is_the_mean() -> None:
    encoder = Numbers([Column("x", "number")])
    encoder.fit(pd.DataFrame({"x": [1.0, 3.0]}))
    assert encoder.transform(pd.DataFrame({"x": [np.nan]})).tolist() == [[0.0]]


def test_a_constant_or_empty_column_is_0() -> None:
    frame = pd.DataFrame({"c": [7.1] * 9, "e": [np.nan] * 9})
    encoder = Numbers([Column("c", "number"), Column("e", "number")])
    encoder.fit(frame)
    assert encoder.transform(frame).abs().max() < 1e-6


def test_clip_holds_what_is_far_out() -> None:
    encoder = Numbers([Column("x", "number")], clip=2.0)
    encoder.fit(pd.DataFrame({"x": [0.0, 1.0, 2.0]}))
    assert encoder.transform(pd.DataFrame({"x": [1e9, -1e9]})).flatten().tolist() == [2.0, -2.0]


def test_ranks_are_those_of_scipy() -> None:
    x = np.random.default_rng(0).exponential(size=257)
    encoder = Numbers([Column("x", "number")], ranks=True)
    encoder.fit(pd.DataFrame({"x": x}))
    ranks = encoder.transform(pd.DataFrame({"x": x}))[:, 1].double().numpy()
    expected = rankdata(x)
    np.testing.assert_allclose(ranks, (expected - expected.mean()) / expected.std(), atol=1e-3)


@pytest.mark.parametrize(("cell", "told"), [("many", "many"), (np.inf, "inf")])
def test_what_is_no_number_is_told(cell: object, told: str) -> None:
    with pytest.raises(DataError, match=told):
        Numbers([Column("x", "number")]).fit(pd.DataFrame({"x": [1.0, cell]}))


def test_rare_and_unseen_levels_share_a_bucket() -> None:
    encoder = Categories([Column("c", "category")], least=2, width=0)
    encoder.fit(pd.DataFrame({"c": ["a", "a", "b", "b", "rare", None, None]}))
    assert encoder.levels == [["", "a", "b"]]
    rows = pd.DataFrame({"c": ["a", "rare", "new", None]})
    hot = encoder(encoder.transform(rows))
    assert hot.argmax(dim=1).tolist() == [2, 0, 0, 1]
    assert hot.sum(dim=1).tolist() == [1.0] * 4
    weight = torch.randn(encoder.wide, 2)
    torch.testing.assert_close(encoder.linear(encoder.transform(rows), weight), hot @ weight)


def test_an_unseen_level_says_nothing_before_training() -> None:
    encoder = Categories([Column("c", "category"), Column("d", "category")], least=1)
    encoder.fit(pd.DataFrame({"c": ["a", "b"] * 3, "d": [1, 2] * 3}))
    encoder.build()
    features = encoder(encoder.transform(pd.DataFrame({"c": ["new"], "d": [9]})))
    assert features.abs().sum() == 0
    assert features.shape == (1, encoder.out)
