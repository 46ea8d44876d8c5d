"""Duplicates: exact rows by value, near texts and pictures against all pairs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.data.duplicates import near_images, near_texts, same_rows
from umbel.data.duplicates_images import _clusters
from umbel.errors import ConfigError, DataError


def test_rows_are_the_same_by_value() -> None:
    table = pd.DataFrame(
        {
            "text": ["An  Apple\n", "an apple", " AN APPLE ", "pear", "", None, "  "],
            "mixed": [1, 1.0, True, 1, np.nan, None, float("nan")],
            "kind": pd.Categorical(["A", "a ", " a", "A", None, None, None]),
        }
    )
    assert same_rows(table, list(table)).tolist() == [0, 0, 0, 1, -1, -1, -1]
    assert same_rows(table, ["text"]).tolist() == [0, 0, 0, 1, -1, -1, -1]
    numbers = pd.DataFrame({"x": [0.0, -0.0, 0.1, 0.1 + 1e-12, np.nan], "y": [3, 3, 3, 3, 3]})
    assert same_rows(numbers, ["x", "y"]).tolist() == [0, 0, 1, 2, 3]
    assert same_rows(numbers, ["x"]).tolist() == [0, 0, 1, 2, -1]


def test_lists_sets_and_arrays_are_compared_by_content() -> None:
    cells = [["a", "B "], ("A", "b"), {"b", "a"}, {"A", "B"}, np.zeros((2, 2)), np.zeros(4), [], {"a": 1}]
    table = pd.DataFrame({"x": pd.Series(cells, dtype=object)})
    assert same_rows(table, ["x"]).tolist() == [0, 0, 1, 1, 2, 3, -1, 4]
    same = pd.DataFrame({"x": pd.Series([(1, 2), (1, 2), (2, 1)], dtype=object)})
    assert same_rows(same, ["x"]).tolist() == [0, 0, 1]


@given(st.lists(st.tuples(st.sampled_from(["a", "A ", "b", None]), st.sampled_from([0, 1, 1.0, None]))))
@settings(deadline=None, max_examples=60)
def test_rows_against_plain_tuples(rows: list[tuple]) -> None:
    table = pd.DataFrame({name: pd.Series([r[i] for r in rows], dtype=object) for i, name in enumerate("xy")})
    plain = [(x and x.strip().lower(), y) for x, y in rows]
    names: dict[tuple, int] = {}
    wanted = [-1 if p == (None, None) else names.setdefault(p, len(names)) for p in plain]
    assert same_rows(table, ["x", "y"]).tolist() == wanted


def shingles(text: str) -> set[str]:
    text = " ".join(text.lower().split())
    return {text[i : i + 5] for i in range(max(1, len(text) - 4))}


def test_near_texts_are_those_of_all_pairs() -> None:
    chance = np.random.default_rng(0)
    letters = np.array(list("abcdefgh "))
    texts: list[str] = []
    for _ in range(25):
        base = chance.choice(letters, 60)
        for edits in (0, 1, 2, 4, 8):
            copy = base.copy()
            copy[chance.integers(0, 60, edits)] = "z"
            texts.append("".join(copy))
    codes = near_texts(texts, threshold=0.8)
    sets = [shingles(text) for text in texts]
    parent = list(range(len(texts)))
    for i in range(len(texts)):
        for j in range(i):
            if len(sets[i] & sets[j]) >= 0.8 * len(sets[i] | sets[j]):
                old, new = parent[i], parent[j]
                parent = [new if p == old else p for p in parent]
    assert codes.tolist() == pd.factorize(np.array(parent))[0].tolist()
    assert 25 <= codes.max() + 1 < len(texts)
    np.testing.assert_array_equal(codes, near_texts(texts, threshold=0.8, seed=7))


def test_texts_that_are_empty_short_or_odd() -> None:
    texts = ["", None, " \n", "ab", "AB ", "abc", "\ud800 lone", "\ud800 lone"]
    assert near_texts(texts).tolist() == [-1, -1, -1, 0, 0, 1, 2, 2]
    assert near_texts([]).tolist() == []
    with pytest.raises(ConfigError, match="threshold"):
        near_texts(["a"], threshold=0)


@pytest.mark.parametrize("distance", [0, 1, 4, 15])
def test_buckets_overlook_no_hash(distance: int) -> None:
    chance = np.random.default_rng(distance)
    values = chance.integers(0, 2**64, 12, dtype=np.uint64).repeat(12)
    for place in range(len(values)):
        for bit in chance.integers(0, 64, chance.integers(0, 6)):
            values[place] ^= np.uint64(1) << np.uint64(bit)
    values = np.unique(values)
    apart = np.bitwise_count(values[:, None] ^ values[None, :])
    parent = np.arange(len(values))
    for i, j in np.argwhere(apart <= distance):
        parent[parent == parent[i]] = parent[j]
    np.testing.assert_array_equal(pd.factorize(_clusters(values, distance))[0], pd.factorize(parent)[0])


def test_near_images(tmp_path: Path) -> None:
    from PIL import Image

    chance = np.random.default_rng(3)
    small = chance.integers(0, 220, (3, 8, 8), dtype=np.uint8)
    one, two, three = (np.kron(s, np.ones((8, 8), dtype=np.uint8)) for s in small)
    noisy = (one + chance.integers(0, 3, one.shape)).astype(np.uint8)
    path = tmp_path / "two.png"
    Image.fromarray(two).resize((96, 96)).save(path)
    images = [one, Image.fromarray(two), None, noisy, np.stack([two] * 3, 2), str(path), three, ""]
    assert near_images(images).tolist() == [0, 1, -1, 0, 1, 1, 2, -1]
    assert near_images([None]).tolist() == [-1]
    with pytest.raises(DataError, match="row 1"):
        near_images([one, tmp_path / "absent.png"])
    with pytest.raises(DataError, match="uint8"):
        near_images([one.astype(float)])
    with pytest.raises(ConfigError, match="distance"):
        near_images([one], distance=16)


def test_what_is_absent_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, use in (("datasketch", lambda: near_texts(["a"])), ("imagehash", lambda: near_images([None]))):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ConfigError, match=r"pip install 'umbel\[duplicates\]'"):
            use()
    with pytest.raises(ConfigError, match="at least one column"):
        same_rows(pd.DataFrame({"a": [1]}), [])
    with pytest.raises(DataError):
        same_rows(pd.DataFrame({"a": [1]}), ["b"])
