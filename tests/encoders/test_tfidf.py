"""TF-IDF against scikit-learn's vectorisers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.preprocessing import normalize

from umbel.data.schema import Column
from umbel.encoders.tfidf import Tfidf
from umbel.encoders.tokens import words_of
from umbel.encoders.weighted_bags import weighted_sums
from umbel.errors import ConfigError

TRAIN = pd.DataFrame(
    {
        "a": ["red red house", "a green house", "red car", "", None, "  "],
        "b": ["很好看", "不好看", "很好", "不好", None, ""],
    }
)
NEW = pd.DataFrame({"a": ["red house of unseen words", "unseen", None], "b": ["好看", "好", ""]})
COLUMNS = [Column("a", "text"), Column("b", "text")]


def matrix(encoder: Tfidf, frame: pd.DataFrame) -> np.ndarray:
    return np.asarray(encoder.linear(encoder.transform(frame), torch.eye(encoder.wide)))


def made(**options: object) -> Tfidf:
    encoder = Tfidf(COLUMNS, **options)
    encoder.fit(TRAIN)
    encoder.build()
    return encoder


def test_the_linear_view_is_scikit_learns_matrix_of_each_column() -> None:
    encoder, wanted = made(least=1), []
    for name in "ab":
        full = [t for t in TRAIN[name] if isinstance(t, str) and t.strip()]
        vectoriser = TfidfVectorizer(
            tokenizer=words_of, token_pattern=None, ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32
        ).fit(full)
        wanted.append(vectoriser.transform(NEW[name].fillna("")).toarray())
    np.testing.assert_allclose(matrix(encoder, NEW), np.hstack(wanted), rtol=1e-6)


@pytest.mark.parametrize("weighting", ["counts", "binary"])
def test_a_bag_of_characters_is_scikit_learns(weighting: str) -> None:
    encoder = made(units="characters", ngrams=(1, 2), weighting=weighting, sublinear=False, least=1)
    full = [t for t in TRAIN["a"] if isinstance(t, str) and t.strip()]
    vectoriser = CountVectorizer(analyzer="char_wb", ngram_range=(1, 2), binary=weighting == "binary").fit(
        full
    )
    wanted = normalize(vectoriser.transform(NEW["a"].fillna("")).astype(float)).toarray()
    np.testing.assert_allclose(matrix(encoder, NEW)[:, : wanted.shape[1]], wanted, rtol=1e-6)


def test_features_are_the_matrix_times_the_projection() -> None:
    encoder = made(least=1, width=3).eval()
    x = encoder.transform(NEW)
    first = len(encoder.terms[0])
    M = torch.from_numpy(matrix(encoder, NEW))
    weight = encoder.table.weight
    wanted = torch.cat([M[:, :first] @ weight[:first], M[:, first:] @ weight[first:]], dim=1)
    torch.testing.assert_close(encoder(x), wanted)
    assert weighted_sums(x, weight).shape == (3, 2, 3)


def test_a_term_never_seen_counts_nothing_yet_the_text_is_present() -> None:
    encoder = made()
    frame = pd.DataFrame({"a": ["unseen", " ", None], "b": [None, "", "  "]})
    x = encoder.transform(frame)
    assert encoder.present(x).tolist() == [True, False, False]
    assert encoder.lacks(frame).tolist() == [False, True, True]
    assert not encoder.eval()(x).any()


def test_a_column_without_terms_has_no_places() -> None:
    encoder = Tfidf([Column("a", "text")])
    frame = pd.DataFrame({"a": ["...", "", None]})
    encoder.fit(frame)
    encoder.build()
    assert (encoder.wide, encoder.out) == (0, 32)
    assert encoder(encoder.transform(frame)).shape == (3, 32)


def test_the_most_frequent_terms_stay() -> None:
    encoder = made(most=2, least=1, ngrams=(1, 1))
    assert [len(terms) for terms in encoder.terms] == [2, 2]
    assert "red" in encoder.terms[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"units": "letters"},
        {"ngrams": (2, 1)},
        {"ngrams": 2},
        {"weighting": "bm25"},
        {"least": 0},
        {"dropout": 1},
    ],
)
def test_options_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Tfidf(COLUMNS, **wrong)
