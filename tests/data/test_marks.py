"""Cells without a hash as texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from umbel.data.marks import comparable, describe, holds_media


def column(*cells: Any) -> pd.Series:
    found = np.empty(len(cells), dtype=object)
    for row, cell in enumerate(cells):
        found[row] = cell
    return pd.Series(found, name="c", index=range(5, 5 + len(cells)))


SAME = [
    (np.arange(4), np.arange(4)),
    (b"abc", bytearray(b"abc")),
    ({"bytes": b"abc", "path": None}, b"abc"),
    ({"bytes": None, "path": "a.png"}, "a.png"),
    (["a", "b"], ("a", "b")),
    ({"b", "a"}, {"a", "b"}),
    (column(np.zeros(2000), np.ones(2)).to_numpy(), [np.zeros(2000), np.ones(2)]),
]
OTHER = [
    (np.arange(4), np.arange(4).reshape(2, 2)),
    (np.zeros(2000), np.eye(2000)[1000]),
    (np.zeros(3), None),
    (b"abc", "abc"),
    (["a", "b"], ["b", "a"]),
    (column(np.zeros(2000)).to_numpy(), column(np.eye(2000)[1000]).to_numpy()),
]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_equal_content_is_one_text(one: Any, two: Any) -> None:
    found = comparable(column(one, two, None))
    assert found.iloc[0] == found.iloc[1]
    assert found.isna().tolist() == [False, False, True]
    assert found.index.tolist() == [5, 6, 7]
    assert found.name == "c"


@pytest.mark.parametrize(("one", "two"), OTHER)
def test_other_content_is_another_text(one: Any, two: Any) -> None:
    found = comparable(column(one, two))
    assert found.iloc[0] != found.iloc[1]


@pytest.mark.parametrize("cells", [["a", None], [1.5, 2], [None, None]])
def test_plain_columns_stay_as_they_are(cells: list[Any]) -> None:
    plain = pd.Series(cells)
    assert comparable(plain) is plain
    assert not holds_media(plain)


def test_what_is_media() -> None:
    for cell in (np.zeros(3), b"x", {"path": "a.png"}):
        assert holds_media(column(None, cell))
    for cell in (["a"], np.array(["a", "b"]), "a.png"):
        assert not holds_media(column(None, cell))


def test_few_words() -> None:
    assert describe({"path": None, "bytes": b"1" * 2000}) == "2,000 bytes"
    assert describe(["a", "b"]) == "['a', 'b']"
