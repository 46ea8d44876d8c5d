"""Text and names: Chinese, unseen things, stable hashes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.data.schema import Column
from umbel.encoders.names import Names, factorize_names
from umbel.encoders.ngrams import hash_ngrams
from umbel.encoders.text import Text


def grams(text: str, shortest: int, longest: int) -> int:
    """How many words and n-grams a text has, counted plainly."""
    padded = f" {text.lower()} "
    ideographs = [("一" <= c <= "鿿") for c in padded]
    count = 0
    for n in range(1, longest + 1):
        for i in range(len(padded) - n + 1):
            count += n >= shortest or (n <= 2 and ideographs[i] and ideographs[i + n - 1])
    return count + len("".join(c if c.isalnum() else " " for c in padded).split())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(alphabet="ab c-Z9的电影", max_size=12), max_size=6), st.integers(2, 4))
def test_as_many_hashes_as_words_and_ngrams(texts: list[str], shortest: int) -> None:
    hashes, counts = hash_ngrams(texts, shortest, 4)
    assert counts.tolist() == [grams(text, shortest, 4) for text in texts]
    assert len(hashes) == counts.sum()
    assert (hashes >= 0).all()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=5))
def test_a_text_has_the_same_hashes_whatever_stands_beside_it(texts: list[str]) -> None:
    hashes, counts = hash_ngrams(texts)
    ends = np.cumsum(counts)
    # ideographs anywhere switch the short n-grams on, but only for ideographs
    for text, end, count in zip(texts, ends, counts, strict=True):
        alone, _ = hash_ngrams([text])
        assert sorted(alone) == sorted(hashes[end - count : end])


def test_the_hash_is_the_same_on_every_machine() -> None:
    hashes, counts = hash_ngrams(["Aß 的"], 3, 3)
    assert counts.tolist() == [7]
    assert hashes[:3].tolist() == [7095103482663070297, 6753932492761451065, 838925136111508507]
    assert hashes[-1] == 7337781800296431739


def test_case_and_marks_do_not_matter() -> None:
    one, _ = hash_ngrams(["The End!"])
    other, _ = hash_ngrams(["the end?"])
    assert one.tolist() == other.tolist()


def bag(encoder: Text | Names, cell: object) -> torch.Tensor:
    column = encoder.columns[0].name
    return encoder.transform(pd.DataFrame({column: pd.Series([cell], dtype=object)})).values


def test_chinese_titles_share_their_characters() -> None:
    titles = ["卧虎藏龙", "藏龙", "英雄", "英雄本色", "花样年华", "年华"] * 3
    encoder = Text([Column("title", "text")], least=2)
    encoder.fit(pd.DataFrame({"title": titles}))
    whole, part, other = (set(bag(encoder, t).tolist()) for t in ("卧虎藏龙", "藏龙", "英雄"))
    assert len(part & whole) >= 3  # two characters and their pair
    assert not part & other


def test_a_name_never_seen_counts_as_unknown() -> None:
    encoder = Names([Column("cast", "set", ", ")], least=2)
    encoder.fit(pd.DataFrame({"cast": ["Ann, Bo", "Ann", "Cy", "Bo, Ann"]}))
    assert encoder.vocabulary == [["Ann", "Bo"]]
    encoder.build()
    assert bag(encoder, "Zoe, Ann").tolist() == [0]
    assert len(bag(encoder, None)) == 0
    extra = [encoder.transform(pd.DataFrame({"cast": [c]})).extra[0] for c in ("Ann, Bo", "Ann, Zoe", "Zoe")]
    raw = [x.double().numpy() * encoder.scale + encoder.loc for x in extra]
    np.testing.assert_allclose(raw[0], [np.log(3), 0, 0], atol=1e-5)
    np.testing.assert_allclose(raw[1], [np.log(3), np.log(2), 0], atol=1e-5)
    np.testing.assert_allclose(raw[2], [np.log(2), np.log(2), 0], atol=1e-5)


def test_lists_are_sets_too_and_a_name_counts_once() -> None:
    codes, lengths, names = factorize_names(pd.Series([["b", "a", "b"], [], None], dtype=object), None)
    assert codes.tolist() == [0, 1]
    assert lengths.tolist() == [2, 0, 0]
    assert names == ["b", "a"]


def test_names_keep_what_belongs_to_them() -> None:
    column = pd.Series(["Robert Downey Jr.;  Bo", ";"])
    _, lengths, names = factorize_names(column, ";")
    assert names == ["Robert Downey Jr.", "Bo"]
    assert lengths.tolist() == [2, 0]


def test_only_the_most_frequent_hashes_have_a_place() -> None:
    encoder = Text([Column("t", "text")], least=1, most=3)
    encoder.fit(pd.DataFrame({"t": ["abc", "abc", "abd"]}))
    assert len(encoder.vocabulary[0]) == 3
    encoder.build()
    assert encoder(encoder.transform(pd.DataFrame({"t": ["abc", "", "zz"]}))).shape == (3, encoder.out)


def test_only_the_most_frequent_names_have_a_place() -> None:
    encoder = Names([Column("cast", "set", ", ")], least=1, most=2)
    encoder.fit(pd.DataFrame({"cast": ["Ann, Bo", "Ann, Cy", "Cy"]}))
    assert encoder.vocabulary == [["Ann", "Cy"]]
