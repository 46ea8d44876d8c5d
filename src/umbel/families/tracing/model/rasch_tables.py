"""A fitted Rasch LSTM as plain arrays: one step of it, and its head, without torch's overhead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from umbel.families.tracing.model.history_net import FARTHEST
from umbel.families.tracing.model.rasch_lstm_net import RaschLSTMNet

__all__ = ["RaschTables"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def _array(x: Tensor) -> Floats:
    found: Floats = np.ascontiguousarray(x.detach().cpu().numpy(), dtype=np.float32)
    return found


def _gates(x: Tensor | nn.Module, own: Tensor, half: Tensor) -> Tensor:
    assert isinstance(x, Tensor)
    return x[own] * half


class RaschTables:
    """What reading an answer and forecasting one need, computed once for each concept.

    An answer enters the gates linearly, so what a concept adds to them is looked up. The logistic function is
    (1 + tanh(x / 2)) / 2: with the halves put into the weights, one tanh serves all four gates.

    :param net: the network.
    :param known: attributes of the Q known questions, zeros first, [Q + 1, A]; None where there are none.
    """

    def __init__(self, net: RaschLSTMNet, known: Floats | None = None) -> None:
        reader = net.reader
        assert isinstance(reader, nn.LSTM)
        width = self.width = reader.hidden_size
        # torch has the gates as (in, forget, cell, out); here the three logistic ones stand together
        own = torch.arange(4 * width).view(4, width)[[0, 1, 3, 2]].flatten()
        half = torch.full((4 * width, 1), 0.5)
        half[3 * width :] = 1.0  # the cell's own gate is a plain tanh
        with torch.no_grad():
            net = net.cpu()
            into = _gates(reader.weight_ih_l0, own, half)  # [4W, 2W]: items answered right, then wrong
            sides = (into[:, width:], into[:, :width])
            # [2, C + 1, 4W] each
            self.item = np.stack([_array(net.items.concept.weight @ side.T) for side in sides])
            self.vary = np.stack([_array(net.items.vary.weight @ side.T) for side in sides])
            self.again = _array(_gates(reader.weight_hh_l0, own, half).T)  # [W, 4W]
            self.bias = _array(_gates(reader.bias_ih_l0, own, half[:, 0]))
            self.bias += _array(_gates(reader.bias_hh_l0, own, half[:, 0]))
            self.difficulty = _array(net.items.difficulty)
            self.difficulty[0] = 0.0
            self._kept = [np.empty((0, 4 * width), dtype=np.float32)]
            self.own_gates = [_array(side.T) for side in sides]  # [W, 4W] each
        self._head(net)
        self._attributes(net, known)

    def _attributes(self, net: RaschLSTMNet, known: Floats | None) -> None:
        """What is known about questions, as parts of their difficulties and of their items."""
        self.own: Floats | None = None
        if known is not None:
            self.harder, self.own_of = _array(net.items.harder[0]), _array(net.items.told.T)  # [A], [A, W]
            self.difficulty = self.difficulty + known @ self.harder  # a new array: the old one is the net's
            self.own = known @ self.own_of  # [Q + 1, W]

    def asked(self, question: Ints, about: Floats | None = None) -> tuple[Floats, Floats | None]:
        """Difficulties of questions [B], and the parts of their items that are no concepts' [B, W], or None.

        :param question: numbers, [B].
        :param about: attributes of those that have the number 0, [B, A]; the rows of others do not count.
        """
        difficulty: Floats = self.difficulty[question]
        if self.own is None:
            return difficulty, None
        own: Floats = self.own[question]
        if about is not None:
            new = about * (question == 0)[:, None].astype(np.float32)
            difficulty, own = difficulty + new @ self.harder, own + new @ self.own_of
        return difficulty, own

    def _head(self, net: RaschLSTMNet) -> None:
        width = self.width
        inner, head = net.inner, net.heads.heads["task correct"]
        state, item, told, own = torch.split(
            inner.weight, [width, width, inner.in_features - 2 * width - 1, 1], dim=1
        )
        self.centre, self.spread = _array(net.get_buffer("centre")), _array(net.get_buffer("spread"))
        self.of_state = _array(state.T)  # [W, H]
        self.of_item = _array(net.items.concept.weight @ item.T)  # [C + 1, H]
        self.of_vary = _array(net.items.vary.weight @ item.T)
        self.of_own = _array(item.T)  # [W, H]
        self.of_told = _array(told.T)  # [F, H]
        self.of_difficulty = _array(own[:, 0])
        self.inner_bias = _array(inner.bias)
        assert isinstance(head.weight, Tensor)
        assert isinstance(head.bias, Tensor)
        self.out = _array(head.weight[0, :-1])
        self.out_difficulty = float(head.weight[0, -1].detach()) - 1.0
        self.out_bias = float(head.bias[0].detach())

    def start(self) -> Floats:
        """Output and cell of a student without an answer, [2, W]: the network has read one empty step."""
        state = np.zeros((2, self.width), dtype=np.float32)
        self.reader()(state[0], state[1], self.bias)
        return state

    def told(self, concepts: list[int], question: int, correct: float) -> Floats:
        """What an answer adds to the gates, [4W].

        :param concepts: numbers of the known concepts.
        :param question: number of the question.
        """
        difficulty, row = self.difficulty[question], self.bias
        if concepts:
            both = (self.item[:, concepts] + difficulty * self.vary[:, concepts]).mean(axis=1)
            row = row + (1 - correct) * both[0] + correct * both[1]
        if self.own is not None:
            wrong, right = (self.own[question] @ side for side in self.own_gates)
            row = row + (1 - correct) * wrong + correct * right
        return row.astype(np.float32)

    def reader(self) -> Callable[[Floats, Floats, Floats], None]:
        """A function that reads one answer of one student, in place: (output [W], cell [W], told [4W]).

        It works in a scratch of its own, so each thread needs one.
        """
        w, again = self.width, self.again
        row = np.empty(4 * w, dtype=np.float32)
        gates, into, keep, show, fresh = row[: 3 * w], *np.split(row, 4)
        one, half = np.float32(1), np.float32(0.5)
        dot, add, multiply, tanh = np.dot, np.add, np.multiply, np.tanh

        def read(out: Floats, cell: Floats, told: Floats) -> None:
            dot(out, again, row)
            add(row, told, row)
            tanh(row, row)
            add(gates, one, gates)
            multiply(gates, half, gates)
            multiply(cell, keep, cell)
            multiply(into, fresh, fresh)
            add(cell, fresh, cell)
            tanh(cell, out)
            multiply(out, show, out)

        return read

    def gates(self, sets: Ints) -> tuple[Floats, Floats]:
        """What answers to questions with these concepts add to the gates, wrong and right, with the bias.

        :param sets: [M, K], filled with 0.
        :returns: of the concepts alone, and what is multiplied by the difficulty: [M, 2, 4W] each.
        """
        known = sets > 0
        share = (known / np.maximum(known.sum(axis=1, keepdims=True), 1)).astype(np.float32)
        item, vary = (np.einsum("smkg,mk->msg", part[:, sets], share) for part in (self.item, self.vary))
        return item + self.bias, vary

    def read(
        self,
        memory: Floats,
        item: Floats,
        vary: Floats,
        at: Ints,
        difficulty: Floats,
        correct: NDArray[np.floating[Any]],
        own: Floats | None = None,
    ) -> Floats:
        """One answer of each of B students.

        :param memory: output and cell of each, [B, 2W]; changed in place.
        :param item, vary: of M concept sets, as :meth:`gates` gives them.
        :param at: the set of each student's question, [B] in [0, M).
        :param difficulty: [B].
        :param correct: [B].
        :param own: parts of the items that are no concepts', see :meth:`asked`.
        :returns: the same after it.
        """
        w = self.width
        row, told, more = self._scratch(len(memory))
        out, cell = memory[:, :w], memory[:, w:]
        np.dot(out, self.again, out=row)
        side = 2 * at + (correct == 1.0)
        item.reshape(-1, 4 * w).take(side, axis=0, out=told, mode="clip")
        vary.reshape(-1, 4 * w).take(side, axis=0, out=more, mode="clip")
        more *= difficulty[:, None]
        told += more
        partly = np.flatnonzero((correct != 0.0) & (correct != 1.0))
        if len(partly):
            both = item[at[partly]] + difficulty[partly, None, None] * vary[at[partly]]
            said = correct[partly, None].astype(np.float32)
            told[partly] = (1 - said) * both[:, 0] + said * both[:, 1]
        if own is not None:
            said = correct[:, None].astype(np.float32)
            told += (own * (1 - said)) @ self.own_gates[0] + (own * said) @ self.own_gates[1]
        row += told
        np.tanh(row, out=row)
        gates = row[:, : 3 * w]
        gates += 1
        cell *= row[:, w : 2 * w]
        row[:, :w] *= row[:, 3 * w :]
        cell += row[:, :w]
        cell *= 0.5
        np.tanh(cell, out=out)
        out *= row[:, 2 * w : 3 * w]
        out *= 0.5
        return memory

    def _scratch(self, rows: int) -> list[Floats]:
        """Three arrays [B, 4W] that are used again: fresh memory of their size costs as much as the work."""
        if self._kept[0].shape[0] != rows:
            self._kept = [np.empty((rows, 4 * self.width), dtype=np.float32) for _ in range(3)]
        return self._kept

    def logits(
        self, out: Floats, concepts: Ints, difficulty: Floats, told: Floats, own: Floats | None = None
    ) -> Floats:
        """Logit of a right answer.

        :param out: outputs of the reader, [B, W].
        :param concepts: [B, K], filled with 0.
        :param difficulty: [B].
        :param told: the history, [B, F].
        :param own: parts of the items that are no concepts', see :meth:`asked`.
        """
        share = ((concepts > 0) / np.maximum((concepts > 0).sum(axis=1, keepdims=True), 1)).astype(np.float32)
        item = self.of_item[concepts] + difficulty[:, None, None] * self.of_vary[concepts]
        seen = np.clip((told - self.centre) / self.spread, -FARTHEST, FARTHEST)
        inner = out @ self.of_state + seen @ self.of_told + self.inner_bias
        inner += (share[..., None] * item).sum(axis=1)
        inner += difficulty[:, None] * self.of_difficulty
        if own is not None:
            inner += own @ self.of_own
        np.maximum(inner, 0, out=inner)
        found: Floats = inner @ self.out + (self.out_difficulty * difficulty + np.float32(self.out_bias))
        return found
