"""The head that writes: its likelihood by brute force, and its texts against all texts there are."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from umbel.seeding import torch_generator
from umbel.sharing.model import initialise
from umbel.sharing.token_head import TokenHead
from umbel.sharing.writing import beam, nucleus, sample
from umbel.tasks.speech import Decoder, Speech

V, T, D, H = 5, 4, 3, 6


def head(**options: Any) -> TokenHead:
    groups = options.pop("groups", 0)
    made = TokenHead(D, V, T, Decoder.read({"units": H, "dropout": 0.0, **options}), groups=groups)
    initialise(made, 0)
    with torch.no_grad():  # far from alike
        made.weight.mul_(8)
        made.bias.normal_(generator=torch_generator(0, "bias"))
    return made.double().eval()


def rows(count: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    chance = torch_generator(1, "rows")
    values = torch.randint(1, V, (count, T), generator=chance)
    lengths = torch.arange(count) % (T + 1)  # the last of them is a text without its end
    place = torch.arange(T)
    known = (place <= lengths[:, None]) & (lengths > 0)[:, None]
    values = torch.where(place < lengths[:, None], values, 0)
    return torch.randn(count, D, generator=chance, dtype=torch.float64), values, known.double()


def by_hand(made: TokenHead, x: Tensor, text: list[int]) -> list[float]:
    """Log probability of each token, one call of the cell at a time."""
    state = torch.tanh(made.first(x))[None, None]
    before, found = 0, []
    for token in text:
        seen, state = made.cell((made.weight[before] + made.each(x))[None, None], state)
        out = made.weight if made.untied is None else made.untied
        logits = out @ made.last(seen[0, 0]) + made.bias
        found.append(functional.log_softmax(logits, dim=0)[token].item())
        before = token
    return found


@pytest.mark.parametrize("options", [{}, {"tied": False}, {"embedding": 2}])
def test_it_says_of_each_true_token_what_the_cell_says_step_by_step(options: dict[str, Any]) -> None:
    made = head(**options)
    x, values, weights = rows()
    raw = made(x, None, values, weights)
    assert raw.shape == (len(x), T)
    for i in range(len(x)):
        count = int(weights[i].sum())
        torch.testing.assert_close(raw[i, :count].tolist(), by_hand(made, x[i], values[i, :count].tolist()))
        assert not raw[i, count:].any()


def test_the_probabilities_of_all_texts_sum_to_one() -> None:
    made = head()
    texts = [
        [*words, 0] if len(words) < T else list(words)
        for count in range(T + 1)
        for words in itertools.product(range(1, V), repeat=count)
    ]
    values = torch.tensor([text + [0] * (T - len(text)) for text in texts])
    weights = torch.tensor([[1.0] * len(text) + [0.0] * (T - len(text)) for text in texts])
    x = torch.ones(1, D, dtype=torch.float64).expand(len(texts), -1)
    total = made(x, None, values, weights).sum(dim=1).exp().sum()
    torch.testing.assert_close(total.item(), 1.0)


def test_gradients_are_right_and_reach_every_parameter() -> None:
    made = head(tied=False)
    x, values, weights = rows()
    x.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda r: made(r, None, values, weights), (x,))
    made(x, None, values, weights).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in made.parameters())


def test_a_text_does_not_depend_on_the_rows_beside_it() -> None:
    made = head()
    x, values, weights = rows()
    whole = made(x, None, values, weights)
    for i in range(len(x)):
        torch.testing.assert_close(made(x[[i]], None, values[[i]], weights[[i]]), whole[[i]])


def test_rows_without_an_answer_are_said_nothing_of_and_still_have_a_gradient() -> None:
    made = head()
    x = torch.randn(2, D, dtype=torch.float64, requires_grad=True)
    raw = made(x, None, torch.zeros(2, T, dtype=torch.long), torch.zeros(2, T))
    assert raw.shape == (2, T)
    assert not raw.any()
    raw.sum().backward()
    assert x.grad is not None
    assert not x.grad.any()


def test_it_begins_at_the_shares_of_the_tokens() -> None:
    made = TokenHead(D, V, T, Decoder(units=H), groups=0)
    initialise(made, 0)
    shares = torch.tensor([0.4, 0.1, 0.3, 0.15, 0.05]).log()
    made.start(shares)
    x, values, weights = rows()
    raw = made.eval()(x.float(), None, values, weights)
    known = weights > 0
    assert (raw - shares[values])[known].abs().max() < 0.2
    assert raw[~known].abs().max() == 0


def test_groups_begin_alike_and_an_unseen_one_stays_there() -> None:
    made = head(groups=2)
    x, values, weights = rows()
    group = torch.tensor([0, 1, -1, 0, 1, -1])
    plain = made(x, None, values, weights)
    torch.testing.assert_close(made(x, group, values, weights), plain)
    assert made.group is not None
    with torch.no_grad():
        made.group.fill_(1.0)
    moved = made(x, group, values, weights)
    assert torch.equal(moved[[2, 5]], plain[[2, 5]])
    assert (moved[1] - plain[1]).abs().max() > 1e-3
    torch.testing.assert_close(moved[[1]], made(x[[1]] + 1, None, values[[1]], weights[[1]]))


def likeliest(made: TokenHead, x: Tensor) -> tuple[list[int], float]:
    """The likeliest of all texts that may be written."""
    best: tuple[list[int], float] = ([], -float("inf"))
    for count in range(1, T + 1):
        for words in itertools.product(range(2, V), repeat=count):
            text = [*words, 0] if count < T else list(words)
            total = sum(by_hand(made, x, text))
            if total > best[1]:
                best = (text + [0] * (T - len(text)), total)
    return best


def test_a_wide_beam_finds_the_likeliest_of_all_texts_and_one_beam_is_greedy() -> None:
    made = head()
    x, _, _ = rows()
    greedy = made.write(x, Speech())
    assert torch.equal(made.write(x, Speech(how="beam", beams=1)), greedy)
    wide = made.write(x, Speech(how="beam", beams=100))
    for i in range(3):
        assert wide[i].tolist() == likeliest(made, x[i])[0]
    assert (wide != greedy).any()


def test_greedy_takes_the_likeliest_allowed_token_each_time() -> None:
    made = head()
    x, _, _ = rows()
    for row, text in zip(x, made.write(x, Speech()).tolist(), strict=True):
        for step, token in enumerate(text):
            banned = {1, 0} if step == 0 else {1}
            chances = [by_hand(made, row, [*text[:step], k])[-1] for k in range(V)]
            assert token == max((k for k in range(V) if k not in banned), key=lambda k: chances[k])
            if token == 0:
                assert not any(text[step:])
                break


def test_drawn_tokens_have_their_shares_and_the_unlikely_tail_is_never_drawn() -> None:
    logs = torch.tensor([0.5, 0.25, 0.15, 0.1]).log()
    draws = torch.arange(10_000, dtype=torch.float64) / 10_000
    found = nucleus(logs.expand(len(draws), -1), draws, 0.7)
    shares = found.bincount(minlength=4) / len(draws)
    torch.testing.assert_close(shares, torch.tensor([2 / 3, 1 / 3, 0.0, 0.0]), atol=1e-3, rtol=0)
    everything = nucleus(logs.expand(len(draws), -1), draws, 1.0).bincount(minlength=4) / len(draws)
    torch.testing.assert_close(everything, logs.exp(), atol=1e-3, rtol=0)


def test_draws_follow_the_seed_and_cold_ones_are_greedy() -> None:
    made = head()
    x = torch.zeros(200, D, dtype=torch.float64)
    one, again, other = (made.write(x, Speech(how="top_p", top_p=1.0, seed=s)) for s in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert len(one.unique(dim=0)) > 10
    cold = made.write(x, Speech(how="top_p", top_p=1.0, temperature=1e-6))
    assert torch.equal(cold, made.write(x, Speech()))


@pytest.mark.parametrize("how", ["greedy", "top_p", "beam"])
def test_neither_the_unknown_token_nor_an_empty_text_is_ever_written(how: str) -> None:
    def following(tokens: Tensor, state: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tensor([0.6, 0.39, 0.01]).log().expand(len(tokens), -1), state

    state = torch.zeros(50, 1)
    speech = Speech.read({"how": how, "top_p": 1.0})
    texts = beam(following, state, 6, 3) if how == "beam" else sample(following, state, 6, speech)
    assert (texts != 1).all()
    assert (texts[:, 0] == 2).all()


def test_in_training_it_drops_out_and_its_cell_stays_in_training_mode() -> None:
    made = head(dropout=0.5)
    x, values, weights = rows()
    assert torch.equal(made(x, None, values, weights), made(x, None, values, weights))
    assert made.cell.training
    made.train()
    torch.manual_seed(0)
    assert not torch.equal(made(x, None, values, weights), made(x, None, values, weights))
