"""A text as tokens: what is encoded, what is said of it, how it is written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.errors import ConfigError, KindError
from umbel.tasks import Prediction
from umbel.tasks.pieces import join, split
from umbel.tasks.tokens import Tokens

TEXTS = pd.Series(["yes please", "no", "yes", None, "  ", "no, thanks"], name="reply")


def fitted(**options: Any) -> Tokens:
    kind = Tokens(**{"least": 1, **options})
    kind.fit(TEXTS)
    return kind


def test_tokens_are_numbered_by_frequency_then_by_name_after_the_end_and_the_unknown() -> None:
    assert fitted().tokens == ["<end>", "<unknown>", "no", "yes", ",", "please", "thanks"]
    assert fitted(least=2).tokens == ["<end>", "<unknown>", "no", "yes"]
    assert fitted(most=3).tokens == ["<end>", "<unknown>", "no"]


def test_a_text_has_its_end_and_a_missing_one_has_no_weight() -> None:
    found = fitted().encode(pd.Series(["no thanks", "maybe", None, ""]))
    assert found.values.tolist() == [[2, 6, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert found.weights.tolist() == [[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_a_text_longer_than_any_of_training_is_cut_and_has_no_end() -> None:
    found = fitted().encode(pd.Series(["no no no no no no", "no no no"]))
    assert found.values.tolist() == [[2, 2, 2, 2], [2, 2, 2, 0]]
    assert (found.weights == 1).all()
    assert fitted(longest=1).length == 2


def test_characters_serve_languages_without_spaces() -> None:
    kind = Tokens(level="character", least=1)
    kind.fit(pd.Series(["你好", "再见"]))
    written = Prediction(np.ones((1, 3)), tokens=kind.encode(pd.Series(["再好"])).values)
    assert kind.length == 3
    assert kind.to_columns("reply", written)["reply"].tolist() == ["再好"]


def test_what_is_written_reads_as_it_was_encoded() -> None:
    kind = fitted()
    values = kind.encode(TEXTS).values
    texts = kind.to_columns("reply", Prediction(np.ones(values.shape), tokens=values))["reply"].tolist()
    assert texts == ["yes please", "no", "yes", "", "", "no, thanks"]


def test_a_model_that_writes_none_has_none_in_its_column() -> None:
    kind = fitted()
    said = Prediction(np.ones((2, 4)))
    assert kind.to_columns("reply", said) == {"reply": pytest.approx([None, None])}
    assert kind.decide(said).tolist() == [[1, 0, 0, 0]] * 2


def test_a_mixture_means_probabilities_and_writes_as_its_weightiest_writer() -> None:
    kind = fitted()
    low, high = np.full((1, 4), 0.2), np.full((1, 4), 0.6)
    texts = [np.full((1, 4), number) for number in (2, 3)]
    three = [Prediction(low, tokens=texts[0]), Prediction(high, tokens=texts[1]), Prediction(high)]
    found = kind.mix(three, [0.25, 0.3, 0.45])
    np.testing.assert_allclose(found.value, 0.25 * 0.2 + 0.75 * 0.6)
    assert found.tokens is texts[1]
    assert kind.mix(three[2:], [1.0]).tokens is None


def test_shares_count_each_true_token_and_its_end() -> None:
    kind = fitted()
    encoded = kind.encode(TEXTS)
    shares = kind.constant(encoded.values, encoded.weights).value[0]
    counts = np.array([4, 0, 2, 2, 1, 1, 1]) + 0.01
    np.testing.assert_allclose(shares, counts / counts.sum())
    np.testing.assert_allclose(np.exp(kind.start()), shares)


def test_writing_may_be_changed_after_the_fit_and_nothing_else() -> None:
    kind = fitted(write={"how": "beam"})
    before = kind.fitted
    kind.speak(beams=2)
    assert (kind.speech.how, kind.speech.beams, kind.fitted) == ("beam", 2, before)
    with pytest.raises(ConfigError, match="must be one it has"):
        kind.speak(beam=2)


@pytest.mark.parametrize(
    "options",
    [
        {"level": "syllable"},
        {"least": 0},
        {"most": 2},
        {"longest": 0},
        {"decoder": {"units": 0}},
        {"decoder": {"dropout": 1.0}},
        {"decoder": {"embedding": True}},
        {"write": {"how": "best"}},
        {"write": {"top_p": 0.0}},
        {"write": {"temperature": -1}},
        {"write": {"beams": 1.5}},
        {"write": {"seed": -1}},
        {"write": {"top": 0.9}},
    ],
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Tokens(**options)


def test_a_number_among_texts_is_named() -> None:
    with pytest.raises(KindError, match="row 1 is 3"):
        Tokens().fit(pd.Series(["a b", 3], name="reply", dtype=object))


def test_no_text_and_equal_texts_are_refused() -> None:
    for column in (pd.Series(["", None]), pd.Series(["so so", "so so"])):
        with pytest.raises(KindError):
            Tokens().fit(column)


def test_costs_and_other_metrics_are_refused() -> None:
    kind, said = fitted(), Prediction(np.ones((1, 4)))
    with pytest.raises(ConfigError, match="cost"):
        kind.fit_rule(said, np.zeros((1, 4)), np.ones((1, 4)), costs=[[0.0]])
    with pytest.raises(ConfigError, match="chosen for one of"):
        kind.fit_rule(said, np.zeros((1, 4)), np.ones((1, 4)), metric="accuracy")


def test_log_probabilities_become_probabilities_and_their_loss() -> None:
    kind = fitted()
    raw = torch.tensor([[-0.5, -2.0, 0.0, 0.0]])
    np.testing.assert_allclose(kind.predict(raw).value, np.exp([[-0.5, -2.0, 0.0, 0.0]]), rtol=1e-6)
    assert kind.nll(raw, torch.zeros(1, 4)).tolist() == [[0.5, 2.0, 0.0, 0.0]]


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40))
def test_characters_come_back_as_they_went(text: str) -> None:
    pieces = split(text, "character", lower=False)
    assert split(join(pieces, "character"), "character", lower=False) == pieces


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["well", "don't", "i", ",", ".", "(", ")", "?"]), max_size=8))
def test_words_come_back_as_they_went(pieces: list[str]) -> None:
    assert split(join(pieces, "word"), "word") == pieces
