"""Encoders over tokens: padding, windows, missing texts; GRU and transformer by their equations."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from torch.nn import functional

from review_texts import chinese, ready
from umbel.data.schema import Column
from umbel.encoders.text_gru import TextGRU
from umbel.encoders.text_transformer import TextTransformer
from umbel.encoders.token_encoder import TokenEncoder
from umbel.errors import ConfigError
from umbel.training.learners.net import Net

COLUMNS = [Column("a", "text"), Column("b", "text")]
TRAIN = pd.DataFrame({"a": ["one two three", "two", "one two", None], "b": ["three", "", "很好", "好"]})
FORMS = [TextGRU, TextTransformer]


def made(form: type[TokenEncoder], **options: object) -> TokenEncoder:
    encoder = form(COLUMNS, least=1, **options)
    encoder.fit(TRAIN)
    torch.manual_seed(0)
    encoder.build()
    return encoder.eval()


@pytest.mark.parametrize("form", FORMS)
def test_a_text_longer_than_the_window_is_its_first_tokens(form: type[TokenEncoder]) -> None:
    encoder = made(form, window=2)
    assert encoder.cut == [1, 0]
    long = pd.DataFrame({"a": ["one two three three"], "b": ["好"]})
    short = pd.DataFrame({"a": ["one two"], "b": ["好"]})
    x = encoder.transform(long)
    assert x.values.shape == (1, 2, 2)
    torch.testing.assert_close(encoder(x), encoder(encoder.transform(short)), rtol=0, atol=0)


@pytest.mark.parametrize("form", FORMS)
def test_a_missing_text_and_one_without_words_are_zeros(form: type[TokenEncoder]) -> None:
    encoder = made(form)
    x = encoder.transform(pd.DataFrame({"a": [None, "...", "one"], "b": ["", " ", None]}))
    features = encoder(x)
    assert encoder.present(x).tolist() == [False, False, True]
    assert not features[:2].any()
    half = encoder.text_width
    assert features[2, :half].any()
    assert not features[2, half:].any()


@pytest.mark.parametrize("form", FORMS)
def test_a_word_never_seen_is_read_by_its_letters(form: type[TokenEncoder]) -> None:
    encoder = made(form, most=1)  # "two" alone has a place as a word
    x = encoder.transform(pd.DataFrame({"a": ["one", "qqq"], "b": [None, None]}))
    assert x.lengths[:, 0].tolist() == [3, 3]
    assert (x.values[0, 0] > 0).all()
    assert not x.values[1, 0].any()  # letters never seen are the unknown bucket
    assert not torch.allclose(encoder(x)[0], encoder(x)[1])


@pytest.mark.parametrize("form", FORMS)
def test_padding_changes_nothing(form: type[TokenEncoder]) -> None:
    encoder = made(form)
    frame = pd.DataFrame({"a": ["two", "one two three one two"], "b": ["很好", None]})
    both, alone = encoder.transform(frame), encoder.transform(frame.head(1))
    assert both.values.shape[2] > alone.values.shape[2]
    torch.testing.assert_close(encoder(both)[:1], encoder(alone))
    with torch.no_grad():
        torch.testing.assert_close(encoder(both), encoder(both))


def test_the_linear_view_is_the_bag_of_tokens() -> None:
    encoder = made(TextGRU)
    x = encoder.transform(pd.DataFrame({"a": ["one two"], "b": ["one"]}))
    seen = encoder.linear(x, torch.eye(encoder.wide))[0]
    one, two = encoder.vocabulary.encode("one two")
    size = len(encoder.vocabulary)
    wanted = torch.zeros(2 * size)
    wanted[[one, two]] = 2**-0.5
    wanted[size + one] = 1.0
    torch.testing.assert_close(seen, wanted)


def test_gru_features_are_mean_and_maximum_of_its_states() -> None:
    encoder = made(TextGRU, hidden=3, both=False)
    x = encoder.transform(pd.DataFrame({"a": ["one two three"], "b": [None]}))
    states, _ = encoder.cell(encoder.tokens(x.values[:, 0]))
    wanted = torch.cat([states.mean(dim=1), states.amax(dim=1)], dim=1)
    torch.testing.assert_close(encoder(x)[:, :6], wanted)


def test_a_transformer_block_is_that_of_torch() -> None:
    encoder = made(TextTransformer, width=8, heads=2, layers=1)
    (block,) = encoder.blocks
    theirs = torch.nn.TransformerEncoderLayer(
        8, 2, 32, dropout=0.0, activation=functional.gelu, batch_first=True, norm_first=True
    )
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(block.ask.weight)
        theirs.self_attn.in_proj_bias.zero_()
        pairs = [
            (theirs.self_attn.out_proj, block.answer),
            (theirs.linear1, block.up),
            (theirs.linear2, block.down),
            (theirs.norm1, block.before),
            (theirs.norm2, block.between),
        ]
        for one, two in pairs:
            one.load_state_dict(two.state_dict())
    x = torch.randn(3, 5, 8)
    inside = torch.arange(5) < torch.tensor([5, 2, 3])[:, None]
    mine, wanted = block(x, inside), theirs(x, src_key_padding_mask=~inside)
    torch.testing.assert_close(mine[inside], wanted[inside], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        (TextGRU, {"hidden": 0}),
        (TextGRU, {"both": 1}),
        (TextTransformer, {"heads": 5}),
        (TextGRU, {"window": 1.5}),
    ],
)
def test_options_are_checked(form: type[TokenEncoder], wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        form(COLUMNS, **wrong)


@pytest.mark.parametrize("encoder", ["text", "tfidf", "text_gru"])
def test_chinese_sentiment_is_learned(encoder: str) -> None:
    data = ready(chinese(rows=500))
    options = {"hidden": 16, "width": 16} if encoder == "text_gru" else {}
    net = Net(
        encoders={"text": {"encoder": encoder, **options}},
        width=32,
        epochs=8,
        batch_size=32,
        lr=1e-2,
        wide="none",
        diagnose=False,
        dropout=0.2,
    ).fit(data.train, data.valid)
    said = net.predict(data.test)["liked"].value
    right = (said > 0.5) == (data.test.values("liked") > 0.5)
    assert right.mean() > 0.95, right.mean()
