"""Choosing tokens one after another: the likeliest, drawn ones, or the likeliest text of a few open ones.

All of it works on any model of the next token::

    following(tokens [N], state [N, H], rows [N]) -> log probabilities [N, V], state [N, H]

:mod:`umbel.sharing.token_head` is one; ``rows`` says whose text each of the N is.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from umbel.seeding import torch_generator
from umbel.tasks.speech import Speech
from umbel.tasks.vocabulary import END, UNKNOWN

__all__ = ["END", "Following", "beam", "nucleus", "sample"]

Following = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def _allowed(logs: Tensor, step: int) -> Tensor:
    """Without the unknown token, and without the end as the first; no text has either."""
    logs = logs.clone()
    logs[:, UNKNOWN] = -math.inf
    if step == 0:
        logs[:, END] = -math.inf
    return logs


def nucleus(logs: Tensor, draws: Tensor, top_p: float) -> Tensor:
    """A token of each row, drawn from the likeliest ones that have the probability ``top_p`` together.

    :param logs: log probabilities up to a constant, [N, V].
    :param draws: uniform numbers in [0, 1), [N].
    :returns: [N] long.

    Source: Holtzman et al. 2020, "The curious case of neural text degeneration", eq. 2.

    >>> logs = torch.tensor([[0.5, 0.3, 0.2]]).log().expand(3, 3)
    >>> nucleus(logs, torch.tensor([0.0, 0.7, 0.99]), 0.6)
    tensor([0, 1, 1])
    """
    chance, order = torch.softmax(logs.double(), dim=-1).sort(dim=-1, descending=True, stable=True)
    before = chance.cumsum(dim=-1) - chance
    kept = torch.where(before < top_p, chance, 0.0)  # the likeliest is always kept
    reached = kept.cumsum(dim=-1)
    place = (reached <= draws.double()[:, None] * reached[:, -1:]).sum(dim=-1)
    most = (kept > 0).sum(dim=-1) - 1
    return order.gather(1, torch.minimum(place, most)[:, None])[:, 0]


def sample(following: Following, state: Tensor, length: int, speech: Speech) -> Tensor:
    """Texts token by token, [B, T] long: the likeliest next one, or a drawn one.

    :param following: the model.
    :param state: where each text begins, [B, H].
    :param length: T.
    """
    count, device = len(state), state.device
    rows = torch.arange(count, device=device)
    tokens = torch.full((count,), END, dtype=torch.long, device=device)
    done = torch.zeros(count, dtype=torch.bool, device=device)
    texts = torch.zeros(count, length, dtype=torch.long, device=device)
    chance = torch_generator(speech.seed, "writing")
    for step in range(length):
        logs, state = following(tokens, state, rows)
        logs = _allowed(logs, step)
        if speech.how == "greedy":
            tokens = logs.argmax(dim=-1)
        else:
            draws = torch.rand(count, generator=chance, dtype=torch.float64).to(device)
            tokens = nucleus(logs / speech.temperature, draws, speech.top_p)
        tokens = torch.where(done, END, tokens)
        texts[:, step] = tokens
        done |= tokens == END
        if bool(done.all()):
            break
    return texts


def beam(following: Following, state: Tensor, length: int, beams: int) -> Tensor:
    """The likeliest text that ``beams`` open ones lead to, [B, T] long.

    A text counts by the sum of its tokens' log probabilities, so that with enough beams it is the likeliest
    text there is; short texts are likelier than long ones.

    :param following: the model.
    :param state: where each text begins, [B, H].
    :param length: T.
    :param beams: K, 1 or more.

    Source: Lowerre 1976 (the search); Sutskever et al. 2014, section 3.2.
    """
    count, device = len(state), state.device
    rows = torch.arange(count, device=device).repeat_interleave(beams)  # [B * K]
    state = state.repeat_interleave(beams, dim=0)
    tokens = torch.full((count * beams,), END, dtype=torch.long, device=device)
    texts = torch.zeros(count * beams, length, dtype=torch.long, device=device)
    scores = torch.full((count, beams), -math.inf, dtype=torch.float64, device=device)
    scores[:, 0] = 0.0  # all beams begin alike: one of them is enough
    done = torch.zeros(count * beams, dtype=torch.bool, device=device)
    first = torch.arange(count, device=device)[:, None] * beams
    for step in range(length):
        logs, state = following(tokens, state, rows)
        logs = _allowed(logs, step).double()
        logs[done] = -math.inf
        logs[done, END] = 0.0  # a text that is over stays as it is
        total = scores.view(-1, 1) + logs  # [B * K, V]
        scores, place = total.view(count, -1).topk(beams, dim=1)
        source = (first + place // logs.shape[1]).view(-1)
        tokens = (place % logs.shape[1]).view(-1)
        texts, state, done = texts[source], state[source], done[source]
        texts[:, step] = tokens
        done = done | (tokens == END)
        if bool(done.all()):
            break
    return texts.view(count, beams, length)[:, 0]
