"""What an answer does to the states of concepts in a graph."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Fixed", "Reach", "Spread"]


class Reach(NamedTuple):
    """Which concepts each answer changes: K at most.

    :param place: their numbers, [B, T, K] long, all different.
    :param joined: whether the place is filled at all, [B, T, K] bool.
    :param own: whether the answer is about the concept, [B, T, K] bool.
    :param out, into: weight of the edge from the answer's concepts to it, and back, [B, T, K].
    """

    place: Tensor
    joined: Tensor
    own: Tensor
    out: Tensor
    into: Tensor


class Fixed(NamedTuple):
    """All of a message that does not hang on states, for every step at once.

    :param first: of the neighbours' first layers, [B, T, K, 2 D].
    :param scale: weights of the edges beside each other, [B, T, K, 2 D].
    :param second: of the neighbours' second layers, [B, T, K, D].
    :param own: of the first layer of the answer's own concepts, [B, T, D].
    :param strength: of the gate, [B, T, K, 1].
    """

    first: Tensor
    scale: Tensor
    second: Tensor
    own: Tensor
    strength: Tensor


class Spread(nn.Module):
    """Messages of an answer to its concepts and their neighbours, the gate, and the recurrent unit.

    The layers of f_out and f_in stand beside each other. The first has three parts: of the answer's
    concepts (state and answer), of the neighbour's state, and of the neighbour's vector.

    :param concepts: C.
    :param width: D of a concept's state and vector, and of an answer.
    """

    def __init__(self, concepts: int, width: int) -> None:
        super().__init__()
        self.concept = nn.Parameter(torch.empty(concepts, width))
        nn.init.normal_(self.concept, std=width**-0.5)
        # from the state and from the answer: 2 D for the neighbours' first layers, D for the own one's
        self.from_state = nn.Linear(width, 3 * width, bias=False)
        self.from_answer = nn.Linear(width, 3 * width)
        self.state = nn.Linear(width, 2 * width, bias=False)
        self.vector = nn.Linear(width, 2 * width, bias=False)
        self.outward, self.inward, self.own = (nn.Linear(width, width) for _ in range(3))
        self.gates = nn.Linear(width, 2 * width)
        self.strength = nn.Parameter(torch.full((concepts,), 0.5))
        self.unit = nn.GRUCell(width, width)

    def fixed(self, reach: Reach, answer: Tensor) -> Fixed:
        """What can be worked out before the loop over time.

        :param answer: vectors of the answers, [B, T, D].
        """
        width = answer.shape[-1]
        said = self.from_answer(answer)
        vector = functional.embedding(reach.place, self.vector(self.concept))
        out, into = reach.out[..., None], reach.into[..., None]
        return Fixed(
            first=vector + said[:, :, None, : 2 * width],
            scale=torch.cat([out.expand(*out.shape[:3], width), into.expand(*out.shape[:3], width)], dim=-1),
            second=out * self.outward.bias + into * self.inward.bias,
            own=said[..., 2 * width :],
            strength=functional.embedding(reach.place, self.strength[:, None]),
        )

    def forward(self, state: Tensor, mean: Tensor, own: Tensor, fixed: Fixed) -> Tensor:
        """States of K concepts after an answer, [B, K, D].

        :param state: before it, [B, K, D].
        :param mean: mean state of the answer's concepts, [B, D].
        :param own: whether the answer is about a concept, [B, K, 1] bool.
        :param fixed: of this step, without the letter T.
        """
        asked = self.from_state(mean)
        width = mean.shape[-1]
        first = functional.relu(self.state(state) + fixed.first + asked[:, None, : 2 * width]) * fixed.scale
        beside = fixed.second + first @ torch.cat([self.outward.weight, self.inward.weight], dim=1).T
        mine = self.own(functional.relu(fixed.own + asked[:, 2 * width :]))
        message = torch.where(own, mine[:, None], beside)
        erase, add = self.gates(message).chunk(2, dim=-1)
        message = message + fixed.strength * (add.tanh() - erase.sigmoid() * message)
        after: Tensor = self.unit(message.flatten(0, 1), state.flatten(0, 1))
        return after.view_as(state)
