"""The head that writes: a task's representation to the tokens of a text, one after another."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.encoders.dropout import dropout
from umbel.sharing.writing import END, beam, sample
from umbel.tasks.speech import Decoder, Speech

__all__ = ["TokenHead"]

_CELLS = 1 << 23
"""Logits that are looked at together where no gradient is asked for."""


class _Small(nn.Linear):
    """A layer that begins near 0: other tasks move the representation, and until the tokens before each have
    been learned from, that is noise which would drown them."""

    def reset_parameters(self) -> None:
        """Weights small, as those of any head; the bias 0."""
        nn.init.normal_(self.weight, std=0.01)
        nn.init.zeros_(self.bias)


class TokenHead(nn.Module):
    """A recurrent decoder of T tokens out of V.

    In training each token is asked for after the true ones before it (teacher forcing). The representation
    is the cell's first state and joins its input at each step. Its raw outputs are no logits, but the log
    probability of each true token, [B, T]: logits of all tokens at all steps would not fit in memory.

    :param width_in: representation and side inputs together, D.
    :param width: tokens there are, V; number 0 is the end.
    :param length: T.
    :param decoder: how it is made.
    :param groups: groups of the rows layout; each has a shift of its own of the representation, from 0.

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", section 2.2;
    teacher forcing, Williams & Zipser 1989; tied weights, Press & Wolf 2017.
    """

    free_count = 0

    def __init__(self, width_in: int, width: int, length: int, decoder: Decoder, *, groups: int = 0) -> None:
        super().__init__()
        self.width, self.length, self.groups = width, length, groups
        self.dropout = decoder.dropout
        self.weight = nn.Parameter(torch.empty(width, decoder.wide))
        self.bias = nn.Parameter(torch.empty(width))
        self.untied = None if decoder.tied else nn.Parameter(torch.empty(width, decoder.wide))
        self.group = nn.Parameter(torch.empty(groups, width_in)) if groups else None
        self.first = _Small(width_in, decoder.units)
        self.each = _Small(width_in, decoder.wide)
        self.cell = nn.GRU(decoder.wide, decoder.units, batch_first=True)
        self.last = nn.Linear(decoder.units, decoder.wide)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Embeddings small, biases and shifts 0; the layers draw their own."""
        nn.init.normal_(self.weight, std=0.1)
        if self.untied is not None:
            nn.init.normal_(self.untied, std=0.1)
        nn.init.zeros_(self.bias)
        if self.group is not None:
            nn.init.zeros_(self.group)

    def train(self, mode: bool = True) -> Self:
        """As of any module; the cell, which drops nothing out, stays as it is: a GPU's gives gradients in
        training mode only, and a model that is looked at is asked for them."""
        super().train(mode)
        self.cell.training = True
        return self

    @torch.no_grad()
    def start(self, raw: Tensor) -> None:
        """Begin at the logarithms of the tokens' shares, [V]."""
        self.bias.copy_(raw)

    def _given(self, x: Tensor, group: Tensor | None) -> Tensor:
        x = x.to(self.bias.dtype)
        if self.group is None or group is None:
            return x
        known = (group >= 0).to(x.dtype)[:, None]
        return x + known * functional.embedding(group.clamp(min=0), self.group)

    def _logits(self, seen: Tensor) -> Tensor:
        """What the cell gave, [N, units], to logits of the next token, [N, V]."""
        asked = dropout(self.last(seen), self.dropout, self.training)
        return functional.linear(asked, self.weight if self.untied is None else self.untied, self.bias)

    def forward(self, x: Tensor, group: Tensor | None, values: Tensor, weights: Tensor) -> Tensor:
        """Log probability of each true token, [B, T]; 0 where its weight is 0.

        :param x: [B, D].
        :param group: group of each row [B] long, -1 where unknown (rows layout).
        :param values: true tokens, [B, T] long.
        :param weights: [B, T]; 0 is unknown, or behind the end.
        """
        x = self._given(x, group)
        known = weights != 0
        place = torch.arange(1, self.length + 1, device=x.device)
        steps = int((known.any(dim=0) * place).max())  # nothing is known behind the longest of these rows
        if not steps:
            return functional.pad(x.sum(dim=1, keepdim=True) * 0, (0, self.length - 1))
        known, values = known[:, :steps], values[:, :steps].long()
        before = functional.pad(values[:, :-1], (1, 0), value=END)  # the end is what comes before a text
        told = functional.embedding(before, self.weight) + self.each(x)[:, None, :]  # [B, T, E]
        told = dropout(told, self.dropout, self.training)
        state = torch.tanh(self.first(x))[None].contiguous()
        seen = dropout(self.cell(told, state)[0], self.dropout, self.training)[known]  # [N, units]
        asked = values[known]
        size = len(asked) if torch.is_grad_enabled() else max(1, _CELLS // self.width)
        parts = [
            -functional.cross_entropy(self._logits(some), true, reduction="none")
            for some, true in zip(torch.split(seen, size), torch.split(asked, size), strict=True)
        ]
        found = torch.cat(parts)
        raw = found.new_zeros(len(x), self.length)
        places = functional.pad(known, (0, self.length - steps))
        return raw.masked_scatter(places, found)

    @torch.no_grad()
    def write(self, x: Tensor, speech: Speech, group: Tensor | None = None) -> Tensor:
        """Texts that no answer is asked for, [B, T] long: the tokens, the end, then 0.

        The unknown token is never written, and the end does not come first.

        :param x: [B, D].
        :param speech: how tokens are chosen. Drawn ones depend on the seed and on the place of the row.
        :param group: group of each row [B] long, -1 where unknown (rows layout).
        """
        x = self._given(x, group)
        added = self.each(x)  # [B, E]

        def following(tokens: Tensor, state: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
            told = functional.embedding(tokens, self.weight) + added[rows]
            seen, after = self.cell(told[:, None, :], state[None].contiguous())
            return functional.log_softmax(self._logits(seen[:, 0]).float(), dim=-1), after[0]

        state = torch.tanh(self.first(x))
        if speech.how == "beam":
            return beam(following, state, self.length, speech.beams)
        return sample(following, state, self.length, speech)
