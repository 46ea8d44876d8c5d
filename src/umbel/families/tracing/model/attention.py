"""Attention of each step to the steps before it, and the block that several tracers are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.errors import ConfigError

__all__ = ["CausalAttention", "CausalBlock", "Positions", "check_heads", "decayed"]


def check_heads(of: str, width: int, heads: int) -> None:
    """Refuse heads that do not share the width evenly.

    :param of: whose options they are, as it stands in a message.
    :param width: D.
    :param heads: of the attention, at least 1.
    :raises ConfigError: D is no multiple of the heads.

    >>> check_heads("sakt", 64, 4)
    """
    if width % heads:
        raise ConfigError(
            f"'width' of '{of}' must be a multiple of 'heads'",
            found=f"width: {width}, heads: {heads}",
            remedy=f"width: {heads * max(1, round(width / heads))}",
        )


def decayed(query: Tensor, key: Tensor, value: Tensor, decay: Tensor, ahead: int) -> Tensor:
    """Causal attention whose scores fade with distance: monotonic attention.

    With q and k of width D, the score of step j as seen from step t is exp(-decay d(t, j)) q_t k_j / sqrt(D),
    and the softmax over all j up to t mixes the values. The distance is aware of its context:
    d(t, j) = |t - j| times the sum of the plain attention weights of steps after j and up to t. What stands
    between j and t but has nothing to do with t makes j no more distant. The distance is a number here: no
    gradient goes through it.

    :param query, key, value: [B, H, T, D / H] each; query i looks at keys 0 to i.
    :param decay: of each head, [H], above 0.
    :param ahead: how many steps query i stands behind key i in time: 0 where a step sees itself.
    :returns: [B, H, T, D / H].

    Source: Ghosh et al. 2020, Context-aware attentive knowledge tracing, section 3.2.
    """
    step = torch.arange(query.shape[-2], device=query.device)
    later = step > step[:, None]  # [T, T], true where the key comes after the query
    score = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5  # [B, H, T, T]
    with torch.no_grad():
        away = (step[:, None] + ahead - step).clamp_(min=0).to(score.dtype)
        behind = score.masked_fill(later, -torch.inf).softmax(dim=-1).cumsum(dim=-1)
        distance = behind.neg_().add_(1.0).clamp_(min=0.0).mul_(away)
    faded = score * torch.exp(-decay[:, None, None] * distance)
    weight = faded.masked_fill(later, -torch.inf).softmax(dim=-1)
    return torch.matmul(weight, value)


class CausalAttention(nn.Module):
    """Dot-product attention of several heads, each step to steps before it (Vaswani et al. 2017).

    A step sees no later one, and students are filled up behind their answers, so what fills up is seen by
    nobody and a mask of its own is not needed. A strict step does not see itself either; the first then has
    nothing to look at, and its context is zero.

    :param width: D of queries, keys and values.
    :param heads: that share the width.
    :param strict: whether a step is hidden from itself.
    :param decay: whether scores fade with distance, see :func:`decayed`; each head learns how fast.
    :param shared: whether keys go through the same map as queries.
    """

    def __init__(
        self, width: int, heads: int, *, strict: bool, decay: bool = False, shared: bool = False
    ) -> None:
        super().__init__()
        self.heads, self.strict = heads, strict
        self.ask = nn.Linear(width, width)
        self.offer = self.ask if shared else nn.Linear(width, width)
        self.give, self.mix = nn.Linear(width, width), nn.Linear(width, width)
        # heads begin at different speeds, from about one step to about a hundred
        self.speed = nn.Parameter(torch.linspace(0.5, -4.5, heads)) if decay else None

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """What each step finds, [B, T, D].

        :param query, key, value: [B, T, D] each.
        """
        if self.strict:  # the query of a step beside the key of the step before it
            query, key, value = query[:, 1:], key[:, :-1], value[:, :-1]
        q, k, v = self._split(self.ask(query)), self._split(self.offer(key)), self._split(self.give(value))
        if self.speed is None:
            found = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            found = decayed(q, k, v, functional.softplus(self.speed), int(self.strict))
        mixed: Tensor = self.mix(found.transpose(1, 2).flatten(2))
        return functional.pad(mixed, (0, 0, 1, 0)) if self.strict else mixed

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, x.shape[-1] // self.heads).transpose(1, 2)  # [B, H, T, D / H]


class CausalBlock(nn.Module):
    """Attention, then two layers for each step; each with a residual of the query and a norm behind it.

    Dropout stands behind either part and between the two layers, not in the attention weights.

    :param width: D.
    :param heads: that share the width.
    :param dropout: [0, 1).
    :param strict: whether a step is hidden from itself: with answers as values it must be.
    :param decay: whether scores fade with distance, see :func:`decayed`.
    :param shared: whether keys go through the same map as queries.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        dropout: float,
        *,
        strict: bool,
        decay: bool = False,
        shared: bool = False,
    ) -> None:
        super().__init__()
        self.attention = CausalAttention(width, heads, strict=strict, decay=decay, shared=shared)
        self.between, self.behind = nn.LayerNorm(width), nn.LayerNorm(width)
        self.inner, self.outer = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """[B, T, D] each to [B, T, D]."""
        x = self.between(query + self.dropout(self.attention(query, key, value)))
        more = self.outer(self.dropout(functional.relu(self.inner(x))))
        found: Tensor = self.behind(x + self.dropout(more))
        return found


class Positions(nn.Module):
    """A learned vector for each place in a window.

    :param longest: places at most.
    :param width: D.
    """

    def __init__(self, longest: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(longest, width))
        nn.init.normal_(self.weight, std=0.1 * width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D], with T at most ``longest``, to the same with the places' vectors added."""
        return x + self.weight[: x.shape[1]]
