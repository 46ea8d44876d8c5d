"""One contract for every registered kind."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from umbel.tasks import KINDS, Encoded, Kind, Prediction

NAMES = KINDS.names()


class Sample:
    """A kind fitted on its own example, with raw outputs."""

    def __init__(self, name: str) -> None:
        options, self.column = KINDS.get(name).example()
        self.kind: Kind = KINDS.get(name)(**options)
        self.kind.fit(self.column)
        self.encoded: Encoded = self.kind.encode(self.column)
        self.missing = self.column.isna().to_numpy(copy=True)
        generator = torch.Generator().manual_seed(0)
        self.size = self.kind.width + self.kind.free
        # raw outputs of a sequence are log probabilities of its true tokens, [B, T]: its head reads answers
        self.sequence = self.kind.response == "sequence"
        columns = self.encoded.values.shape[1] if self.sequence else self.size
        self.raw = torch.randn(len(self.column), columns, generator=generator, dtype=torch.float64)
        if self.sequence:
            self.raw = -self.raw.abs()
        self.target = torch.as_tensor(self.encoded.values)
        self.weights = torch.as_tensor(self.encoded.weights)


@pytest.fixture(params=NAMES)
def sample(request: pytest.FixtureRequest) -> Sample:
    return Sample(request.param)


def same(a: Prediction, b: Prediction, **tolerance: float) -> None:
    np.testing.assert_allclose(a.value, b.value, **tolerance)
    assert (a.spread is None) == (b.spread is None)
    if a.spread is not None and b.spread is not None:
        np.testing.assert_allclose(a.spread, b.spread, **tolerance)


def test_all_eight_are_registered() -> None:
    seven = {"binary", "multiclass", "multilabel", "ordinal", "regression", "count", "distribution"}
    assert seven | {"tokens"} <= set(NAMES)


def test_each_says_what_it_is_and_where_it_is_from() -> None:
    for entry in KINDS:
        assert entry.item.name == entry.name
        assert len(entry.summary) > 5
        assert any(character.isdigit() for character in entry.source)
        assert len(set(entry.item.metrics)) == len(entry.item.metrics) > 0


def test_encode_has_a_weight_for_each_loss_and_none_for_missing(sample: Sample) -> None:
    values, weights = sample.encoded.values, sample.encoded.weights
    assert len(values) == len(weights) == len(sample.column)
    assert values.dtype in (np.float64, np.int64)
    assert weights.dtype == np.float32
    assert values.flags.writeable
    assert weights.flags.writeable
    assert np.isfinite(values).all()
    assert sample.missing.any()
    assert not weights[sample.missing].any()
    assert not values[sample.missing].any()
    known = weights[~sample.missing]
    assert (known[:, 0] == 1).all() if sample.sequence else (known == 1).all()
    assert not sample.sequence or (np.diff(known, axis=1) <= 0).all()  # behind the end of a text is nothing


def test_a_column_without_answers_has_no_weight(sample: Sample) -> None:
    empty = sample.kind.encode(pd.Series([None, None, None], name="none", dtype=object))
    assert empty.values.shape[1:] == sample.encoded.values.shape[1:]
    assert not empty.weights.any()


def test_nll_is_finite_for_each_weight_and_reaches_the_raw_outputs(sample: Sample) -> None:
    raw = sample.raw.clone().requires_grad_(True)
    nll = sample.kind.nll(raw, sample.target)
    assert nll.shape == sample.weights.shape
    assert torch.isfinite(nll).all()
    (nll * sample.weights).sum().backward()
    assert raw.grad is not None
    assert torch.isfinite(raw.grad).all()
    assert (raw.grad.abs().sum(dim=0) > 0).all()
    assert not raw.grad[torch.as_tensor(sample.missing)].any()


def test_gradients_are_right(sample: Sample) -> None:
    raw = sample.raw.clone().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda r: sample.kind.nll(r, sample.target), (raw,), fast_mode=False)


def test_nll_stays_finite_for_wild_raw_outputs(sample: Sample) -> None:
    for scale in (1e2, 1e4):
        raw = (scale * sample.raw).float().requires_grad_(True)
        nll = sample.kind.nll(raw, sample.target)
        (grad,) = torch.autograd.grad(nll.sum(), raw)
        assert torch.isfinite(nll).all()
        assert torch.isfinite(grad).all()
        assert np.isfinite(sample.kind.predict(raw).value).all()


def test_functional_transforms_go_through(sample: Sample) -> None:
    def loss(row: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return sample.kind.nll(row[None], target[None]).sum()

    rows = torch.func.vmap(torch.func.grad(loss))(sample.raw, sample.target)
    raw = sample.raw.clone().requires_grad_(True)
    (whole,) = torch.autograd.grad(sample.kind.nll(raw, sample.target).sum(), raw)
    torch.testing.assert_close(rows, whole)


def test_predictions_are_in_the_tasks_own_terms(sample: Sample) -> None:
    found = sample.kind.predict(sample.raw)
    assert found.value.dtype == np.float64
    assert found.value.shape == (
        sample.encoded.values.shape
        if sample.kind.response not in ("categorical", "ordered")
        else (len(sample.column), found.value.shape[1])
    )
    if sample.kind.response in ("categorical", "ordered", "simplex"):
        np.testing.assert_allclose(found.value.sum(axis=1), 1.0)
    if sample.kind.response not in ("gaussian", "poisson"):
        assert ((found.value >= 0) & (found.value <= 1)).all()
    if found.spread is not None:
        assert found.spread.shape == (len(sample.column),)
        assert (found.spread > 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_every_precision_is_taken(sample: Sample, dtype: torch.dtype) -> None:
    raw = sample.raw.to(dtype)
    nll = sample.kind.nll(raw, sample.target)
    assert nll.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(
        nll.double(), sample.kind.nll(raw.double(), sample.target), rtol=1e-5, atol=1e-5
    )
    same(sample.kind.predict(raw), sample.kind.predict(raw.double()), rtol=1e-12)


def test_targets_may_be_float32(sample: Sample) -> None:
    raw = sample.raw.float()
    torch.testing.assert_close(
        sample.kind.nll(raw, sample.target.float()), sample.kind.nll(raw, sample.target), rtol=1e-5, atol=1e-5
    )


def test_permuting_rows_permutes(sample: Sample) -> None:
    order = np.random.default_rng(1).permutation(len(sample.column))
    column = sample.column.iloc[order]
    encoded = sample.kind.encode(column)
    np.testing.assert_array_equal(encoded.values, sample.encoded.values[order])
    np.testing.assert_array_equal(encoded.weights, sample.encoded.weights[order])
    nll = sample.kind.nll(sample.raw, sample.target)
    torch.testing.assert_close(sample.kind.nll(sample.raw[order], sample.target[order]), nll[order])
    refitted = type(sample.kind)(**sample.kind.options)
    refitted.fit(column)
    again = refitted.encode(sample.column)
    np.testing.assert_array_equal(again.values, sample.encoded.values)


def best_constant(sample: Sample, weights: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Raw outputs [width + free], the same for all rows, with the least weighted loss."""
    raw = torch.zeros(sample.size, dtype=torch.float64, requires_grad=True)

    def given() -> torch.Tensor:
        """The raw outputs of all rows that a head with nothing but these scalars has."""
        if not sample.sequence:
            return raw.expand(len(sample.column), -1)
        return torch.log_softmax(raw, dim=0)[sample.target]

    optimizer = torch.optim.LBFGS([raw], max_iter=500, tolerance_grad=1e-11, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (sample.kind.nll(given(), sample.target) * weights).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return raw.detach(), float(closure().detach())


@pytest.mark.parametrize("weighted", [False, True])
def test_constant_is_the_likeliest_of_all_constants(sample: Sample, weighted: bool) -> None:
    weights = sample.weights.double()
    if weighted:
        weights = weights * torch.linspace(1.0, 2.0, len(weights)).view(-1, *[1] * (weights.ndim - 1))
    raw, _ = best_constant(sample, weights)
    constant = sample.kind.constant(sample.encoded.values, weights.numpy())
    assert len(constant) == 1
    found = sample.kind.predict(raw[None])
    if sample.sequence:
        found = Prediction(raw.softmax(dim=0).numpy()[None])
    same(found, constant, rtol=6e-3, atol=3e-3)


def test_a_constant_answers_all_rows(sample: Sample) -> None:
    constant = sample.kind.constant(sample.encoded.values, sample.encoded.weights)
    found = sample.kind.at(constant, sample.encoded.values)
    assert found.value.shape == sample.kind.predict(sample.raw).value.shape
    for row, true in zip(found.value, sample.encoded.values, strict=True):
        expected = constant.value[0][true] if sample.sequence else constant.value[0]
        np.testing.assert_array_equal(row, expected)


def test_constant_of_unknown_answers_is_that_of_training(sample: Sample) -> None:
    trained = sample.kind.constant(sample.encoded.values, sample.encoded.weights)
    unknown = sample.kind.constant(sample.encoded.values, 0 * sample.encoded.weights)
    np.testing.assert_allclose(unknown.value, trained.value, rtol=6e-3, atol=3e-3)


def test_start_predicts_the_constant(sample: Sample) -> None:
    start = sample.kind.start()
    assert start.shape == (sample.size,)
    constant = sample.kind.constant(sample.encoded.values, sample.encoded.weights)
    found = sample.kind.predict(torch.as_tensor(start)[None])
    if sample.sequence:
        found = Prediction(np.exp(start)[None])
    np.testing.assert_allclose(found.value, constant.value, rtol=6e-3, atol=3e-3)


def test_unlink_is_the_inverse_of_link(sample: Sample) -> None:
    value = sample.kind.predict(sample.raw).value
    scores = sample.kind.link(value)
    assert scores.ndim == 2
    np.testing.assert_allclose(sample.kind.unlink(scores), value, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(sample.kind.link(sample.kind.unlink(scores)), scores, rtol=1e-6, atol=1e-6)


def test_link_is_finite_for_certain_predictions(sample: Sample) -> None:
    value = sample.kind.predict(sample.raw).value
    certain = np.zeros_like(value)
    if value.ndim == 2:
        certain[:, 0] = 1.0
    scores = sample.kind.link(certain)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(sample.kind.unlink(scores), certain, atol=1e-4)


def test_a_mix_of_one_is_itself_and_of_equals_too(sample: Sample) -> None:
    found = sample.kind.predict(sample.raw)
    same(sample.kind.mix([found], [1.0]), found, rtol=1e-6, atol=1e-7)
    same(sample.kind.mix([found, found], [0.3, 0.7]), found, rtol=1e-6, atol=1e-7)
    other = sample.kind.predict(sample.raw.flip(0))
    same(sample.kind.mix([found, other], [1.0, 0.0]), found, rtol=1e-6, atol=1e-7)


def test_state_goes_through_json_and_back(sample: Sample) -> None:
    text = json.dumps(sample.kind.state, sort_keys=True, allow_nan=False)
    again = Kind.from_state(json.loads(text))
    assert json.dumps(again.state, sort_keys=True) == text
    assert (again.width, again.free) == (sample.kind.width, sample.kind.free)
    assert torch.equal(again.nll(sample.raw, sample.target), sample.kind.nll(sample.raw, sample.target))
    same(again.predict(sample.raw), sample.kind.predict(sample.raw), rtol=0)
    np.testing.assert_array_equal(again.encode(sample.column).values, sample.encoded.values)


def test_copies_are_the_same_kind(sample: Sample) -> None:
    for again in (copy.deepcopy(sample.kind), pickle.loads(pickle.dumps(sample.kind))):
        assert again.state == sample.kind.state
        assert torch.equal(again.nll(sample.raw, sample.target), sample.kind.nll(sample.raw, sample.target))


def test_rules_are_json_and_decide_in_encoded_terms(sample: Sample) -> None:
    found = sample.kind.predict(sample.raw)
    rule = sample.kind.fit_rule(found, sample.encoded.values, sample.encoded.weights)
    rule = json.loads(json.dumps(rule, allow_nan=False))
    for given in (None, rule):
        decision = sample.kind.decide(found, given)
        assert decision.shape == sample.encoded.values.shape


def test_a_rule_is_had_even_where_nothing_is_known(sample: Sample) -> None:
    found = sample.kind.predict(sample.raw)
    rule = sample.kind.fit_rule(found, sample.encoded.values, 0 * sample.encoded.weights)
    np.testing.assert_array_equal(sample.kind.decide(found, rule), sample.kind.decide(found))


def test_columns_are_named_after_the_task_and_read_back(sample: Sample) -> None:
    found = sample.kind.predict(sample.raw)
    columns: dict[str, Any] = sample.kind.to_columns("answer", found)
    assert next(iter(columns)) == "answer"
    assert all(name.startswith("answer") for name in columns)
    assert all(len(column) == len(sample.column) for column in columns.values())
    if sample.kind.response in ("bernoulli", "categorical", "ordered"):
        read = sample.kind.encode(pd.Series(columns["answer"], name="answer"))
        np.testing.assert_array_equal(read.values, sample.kind.decide(found))


def test_an_unfitted_kind_says_so(sample: Sample) -> None:
    from umbel.errors import KindError

    with pytest.raises(KindError, match="fitted before"):
        type(sample.kind)(**sample.kind.options).nll(sample.raw, sample.target)


def test_wholly_missing_targets_are_refused(sample: Sample) -> None:
    from umbel.errors import KindError

    fresh = type(sample.kind)(**sample.kind.options)
    with pytest.raises(KindError, match=r"must have known labels(.|\n)*'gone'"):
        fresh.fit(pd.Series([None, None], name="gone", dtype=object))


def test_constant_targets_are_refused(sample: Sample) -> None:
    from umbel.errors import KindError

    first = sample.column[~sample.missing].iloc[0]
    fresh = type(sample.kind)(**sample.kind.options)
    with pytest.raises(KindError, match=r"must not be constant(.|\n)*'same'"):
        fresh.fit(pd.Series([first, first, None, first], name="same", dtype=object))
