"""A fitted Rasch LSTM as plain arrays: one step of it, and its head, without torch's overhead."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

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
    """

    def __init__(self, net: RaschLSTMNet) -> None:
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
            self._head(net)

    def _head(self, net: RaschLSTMNet) -> None:
        width = self.width
        inner, head = net.inner, net.heads.heads["task correct"]
        state, item, told, own = torch.split(
            inner.weight, [width, width, inner.in_features - 2 * width - 1, 1], dim=1
        )
        centre, spread = net.get_buffer("centre"), net.get_buffer("spread")
        self.of_state = _array(state.T)  # [W, H]
        self.of_item = _array(net.items.concept.weight @ item.T)  # [C + 1, H]
        self.of_vary = _array(net.items.vary.weight @ item.T)
        self.of_told = _array((told / spread).T)  # [F, H]
        self.of_difficulty = _array(own[:, 0])
        self.inner_bias = _array(inner.bias - told @ (centre / spread))
        assert isinstance(head.weight, Tensor)
        assert isinstance(head.bias, Tensor)
        self.out = _array(head.weight[0, :-1])
        self.out_difficulty = float(head.weight[0, -1]) - 1.0
        self.out_bias = float(head.bias[0])

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
        if not concepts:
            return self.bias
        both = (self.item[:, concepts] + self.difficulty[question] * self.vary[:, concepts]).mean(axis=1)
        row: Floats = (1 - correct) * both[0] + correct * both[1] + self.bias
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

    def read(self, state: Floats, concepts: Ints, difficulty: Floats, correct: Floats) -> Floats:
        """One answer of each of B students.

        :param state: [B, 2, W].
        :param concepts: [B, K], filled with 0.
        :param difficulty: [B].
        :param correct: [B].
        :returns: the states after it.
        """
        w = self.width
        row = state[:, 0] @ self.again
        row += self.bias
        if concepts.shape[1] == 1 and bool(np.all((correct == 0) | (correct == 1))):
            right, c = correct.astype(np.int64), concepts[:, 0]
            row += self.item[right, c]
            row += difficulty[:, None] * self.vary[right, c]
        else:
            share = (concepts > 0) / np.maximum((concepts > 0).sum(axis=1, keepdims=True), 1)
            for side, said in ((0, 1 - correct), (1, correct)):
                part = (said[:, None] * share).astype(np.float32)[..., None]
                moved = self.item[side][concepts] + difficulty[:, None, None] * self.vary[side][concepts]
                row += (part * moved).sum(axis=1)
        np.tanh(row, out=row)
        gates = row[:, : 3 * w]
        gates += 1
        gates *= 0.5
        new = np.empty_like(state)
        cell = np.multiply(state[:, 1], row[:, w : 2 * w], out=new[:, 1])
        cell += row[:, :w] * row[:, 3 * w :]
        np.multiply(np.tanh(cell), row[:, 2 * w : 3 * w], out=new[:, 0])
        return new

    def logits(self, out: Floats, concepts: Ints, difficulty: Floats, told: Floats) -> Floats:
        """Logit of a right answer.

        :param out: outputs of the reader, [B, W].
        :param concepts: [B, K], filled with 0.
        :param difficulty: [B].
        :param told: the history, [B, F].
        """
        share = ((concepts > 0) / np.maximum((concepts > 0).sum(axis=1, keepdims=True), 1)).astype(np.float32)
        item = self.of_item[concepts] + difficulty[:, None, None] * self.of_vary[concepts]
        inner = out @ self.of_state + told @ self.of_told + self.inner_bias
        inner += (share[..., None] * item).sum(axis=1)
        inner += difficulty[:, None] * self.of_difficulty
        np.maximum(inner, 0, out=inner)
        found: Floats = inner @ self.out + (self.out_difficulty * difficulty + np.float32(self.out_bias))
        return found
