"""What all encoders of text say of rows without one, and several of them side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from umbel.data.schema import Column, Schema
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.space import FeatureSpace
from umbel.encoders.text_together import TextTogether
from umbel.encoders.texts import TextEncoder
from umbel.errors import ConfigError

COLUMNS = [Column("a", "text"), Column("b", "text")]
FRAME = pd.DataFrame(
    {"a": ["red house", "red", None, "", "a"], "b": ["house", None, "house red", None, ""], "n": range(5)}
)
READERS = [entry.name for entry in ENCODERS if ENCODERS.get(entry.name).reads == "text"]


@pytest.mark.parametrize("name", READERS)
def test_present_is_what_lacks_leaves(name: str) -> None:
    encoder = ENCODERS.get(name)(COLUMNS)
    encoder.fit(FRAME)
    present = encoder.present(encoder.transform(FRAME))
    assert present.tolist() == [True, True, True, False, True]
    np.testing.assert_array_equal(~present.numpy(), encoder.lacks(FRAME))


@pytest.mark.parametrize("name", READERS)
def test_a_row_without_text_gets_the_stand_in_where_modalities_are_dropped(name: str) -> None:
    options = {"text": {"encoder": name, "dropout": 0.0} if name != "text_together" else {"encoder": name}}
    space = FeatureSpace(Schema((*COLUMNS, Column("n", "number"))), options, modality_dropout=0.3)
    space.fit(FRAME).build().eval()
    torch.nn.init.constant_(space.absent["text"].value, 7.0)
    features = space(space.transform(FRAME))
    assert (features[3] == 7).sum() == space.encoders["text"].out
    assert not (features[[0, 1, 2, 4]] == 7).any()


def test_several_encoders_stand_side_by_side() -> None:
    parts = {"tfidf": {"width": 3, "least": 1}, "text_gru": {"hidden": 2, "least": 1}}
    encoder = TextTogether(COLUMNS, parts=parts)
    encoder.fit(FRAME)
    encoder.build()
    encoder.eval()
    x = encoder.transform(FRAME)
    one, two = (part for _, part in encoder.each())
    torch.testing.assert_close(encoder(x), torch.cat([one(x.parts[0]), two(x.parts[1])], dim=1))
    weight = torch.randn(encoder.wide, 2)
    wanted = one.linear(x.parts[0], weight[: one.wide]) + two.linear(x.parts[1], weight[one.wide :])
    torch.testing.assert_close(encoder.linear(x, weight), wanted)
    assert (encoder.out, encoder.wide) == (2 * 3 + 2 * 8, one.wide + two.wide)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({}, "parts"),
        ({"text_together": {}}, "parts"),
        ({"tfidf": None}, "parts"),
        ({"numbers": {}}, "reads"),
        ({"tfidf": {"ngram": 2}}, "ngrams"),
    ],
)
def test_parts_are_checked(parts: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        TextTogether(COLUMNS, parts=parts)


def test_a_text_encoder_tells_which_texts_were_cut() -> None:
    assert issubclass(TextTogether, TextEncoder)
    encoder = ENCODERS.get("text_transformer")(COLUMNS, window=1, least=1)
    encoder.fit(FRAME)
    assert encoder.cut == [1, 1]
