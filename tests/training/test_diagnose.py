"""Diagnosis of a fit: right against hand-made gradients, and the fit never feels it."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from neural_tables import NUMBERS, dataset, frame
from stepping import FRAME, batch_of, model_for
from umbel.data.batch import Batch
from umbel.data.dataset import Dataset
from umbel.sharing.model import MultiTaskNet
from umbel.tasks import TaskSet
from umbel.training import loop
from umbel.training.diagnose import MOST, Diagnosis, looked_at
from umbel.training.learners.net import Net
from umbel.training.losses import count_labels, likelihoods
from umbel.training.packing import pack, unpack
from umbel.training.probe import Probe
from umbel.training.step import Told

SMALL: dict[str, Any] = {
    "width": 8,
    "embedding": 4,
    "epochs": 3,
    "batch_size": 64,
    "lr": 1e-2,
    "calibrate": False,
}
TASKS = ("height", "sick", "tags")


def halves(data: Dataset) -> tuple[Dataset, Dataset]:
    odd = np.arange(len(data)) % 4 == 0
    return data.take(~odd), data.take(odd)


@cache
def table_of(targets: tuple[str, ...], by: str | None) -> tuple[Dataset, Dataset]:
    return halves(dataset(frame(160, seed=2), targets, by=by))


def fitted(targets: tuple[str, ...] = TASKS, by: str | None = None, **options: Any) -> Net:
    return Net(**{**SMALL, **options}).fit(*table_of(targets, by))


def twins(sign: float) -> tuple[MultiTaskNet, Batch, TaskSet]:
    """A target, and the same times 1 or -1, whose heads start alike and near 0."""
    table = frame(80, seed=4, missing=0.0)
    table["weight"] = sign * table["height"]
    data = dataset(table, ("height", "weight"))
    model = model_for(data)
    with torch.no_grad():
        model.head("height").weight.mul_(1e-6)
        model.head("height").bias.zero_()
        model.head("weight").load_state_dict(model.head("height").state_dict())
    return model, batch_of(data, model), data.tasks


def each_loss(model: MultiTaskNet, batch: Batch, tasks: TaskSet) -> list[Tensor]:
    return list(torch.cat(likelihoods(model, batch, tasks, count_labels(batch, tasks))).unbind())


def single(batch: Batch) -> Batch:
    """The batch in float32."""

    def less(values: Any) -> dict[str, Any]:
        return {
            k: v.float() if isinstance(v, Tensor) and v.is_floating_point() else v for k, v in values.items()
        }

    return Batch(less(batch.inputs), less(batch.targets), less(batch.weights), batch.rows, batch.side)


def numbers(losses: list[Tensor]) -> list[float]:
    return [float(loss.detach()) for loss in losses]


# ---- the probe ----


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_task_and_its_copy_agree_and_a_task_and_its_negation_conflict(sign: float) -> None:
    model, batch, tasks = twins(sign)
    gram = Probe(model, tasks, batch).gram()
    assert gram is not None
    assert gram[0, 0] > 0
    assert float(gram[0, 1] / (gram[0, 0] * gram[1, 1]).sqrt()) == pytest.approx(sign, abs=1e-4)


def test_the_gramian_is_that_of_each_loss_at_the_trunks_output() -> None:
    data = dataset(FRAME, TASKS)
    model = model_for(data)
    batch = batch_of(data, model)
    seen: list[Tensor] = []
    own = model.sharing.shared

    def watched(x: Tensor) -> tuple[Tensor, ...]:
        seen[:] = own(x)
        return tuple(seen)

    model.sharing.shared = watched
    losses = each_loss(model.eval(), batch, data.tasks)
    rows = [torch.autograd.grad(loss, seen[0], retain_graph=True)[0].flatten() for loss in losses]
    jacobian = torch.stack(rows)
    del model.sharing.shared
    found = Probe(model, data.tasks, batch).gram()
    torch.testing.assert_close(found, jacobian @ jacobian.T, rtol=1e-9, atol=1e-15)
    labels = count_labels(batch, data.tasks)
    share = labels / labels.sum() * len(labels)
    found = Probe(model, data.tasks, batch, weighting="labels").gram()
    expected = (share[:, None] * jacobian) @ (share[:, None] * jacobian).T
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-15)


def _looked_ahead(model: MultiTaskNet, batch: Batch, tasks: TaskSet, rate: float) -> np.ndarray[Any, Any]:
    """Fifty et al. 2021, eq. 1, step by step; what is a task's own stays."""
    start = {k: v.clone() for k, v in model.state_dict().items()}
    before = numbers(each_loss(model, batch, tasks))
    found = np.zeros((len(before), len(before)))
    for i in range(len(before)):
        model.zero_grad()
        each_loss(model, batch, tasks)[i].backward()
        with torch.no_grad():
            for name, p in model.named_parameters():
                if p.grad is not None and not any(own in name for own in ("heads", "wide", "gates")):
                    p -= rate * p.grad
            after = numbers(each_loss(model, batch, tasks))
        found[i] = [(b - a) / abs(b) for b, a in zip(before, after, strict=True)]
        model.load_state_dict(start)
    return found


@pytest.mark.parametrize("by", [None, "school"])
@pytest.mark.parametrize("sharing", ["hard", "mmoe"])
def test_affinity_is_that_of_the_paper(by: str | None, sharing: str) -> None:
    data = dataset(FRAME, ("height", "sick"), by=by)
    model = model_for(data, sharing).eval()
    batch = batch_of(data, model)
    found = Probe(model, data.tasks, batch, rate=0.05).affinity()
    assert found is not None
    expected = _looked_ahead(model, batch, data.tasks, 0.05)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12)
    assert np.abs(expected).max() > 1e-6


def test_a_duplicated_task_is_helped_as_much_as_its_original() -> None:
    model, batch, tasks = twins(1.0)
    with torch.no_grad():
        for target in ("height", "weight"):
            model.head(target).weight.fill_(0.3)
    found = Probe(model, tasks, batch, rate=1e-3).affinity()
    assert found is not None
    assert (found > 0).all()
    torch.testing.assert_close(found, found[0, 0].expand(2, 2), rtol=1e-9, atol=0)


def test_a_loss_below_0_is_divided_by_its_size() -> None:
    model, batch, tasks = twins(1.0)
    with torch.no_grad():
        for target in ("height", "weight"):
            model.head(target).weight.fill_(0.01)
            model.head(target).free.fill_(-2.0)
            middle = batch.targets[target].mean()
            batch.targets[target].sub_(middle).mul_(0.1).add_(middle)  # a density, sharp and right
    assert numbers(each_loss(model, batch, tasks))[0] < 0
    found = Probe(model, tasks, batch, rate=1e-3).affinity()
    assert found is not None
    assert (found > 0).all()


def test_a_task_without_a_label_there_has_no_gradient_and_no_affinity() -> None:
    data = dataset(FRAME, TASKS)
    model = model_for(data)
    batch = batch_of(data, model)
    batch.weights["sick"].zero_()
    probe = Probe(model, data.tasks, batch, rate=0.1)
    gram, affinity = probe.gram(), probe.affinity()
    assert gram is not None
    assert affinity is not None
    assert gram[1].abs().max() == 0
    assert torch.isnan(affinity[1]).all()
    assert torch.isnan(affinity[:, 1]).all()
    assert torch.isfinite(affinity[[0, 0, 2, 2], [0, 2, 0, 2]]).all()


def test_parameters_that_are_not_finite_are_no_reason_to_fail() -> None:
    model, batch, tasks = twins(1.0)
    with torch.no_grad():
        next(iter(model.sharing.parameters())).fill_(float("inf"))
    probe = Probe(model, tasks, batch)
    told = Diagnosis(["a", "b"], 1, probe=probe)
    told.end_epoch(1)
    assert told.told["cosines"] is None
    assert told.told["affinity"] is None
    json.dumps(told.told, allow_nan=False)


@pytest.mark.parametrize("by", [None, "school"])
def test_the_model_is_left_as_it_was(by: str | None) -> None:
    data = dataset(FRAME, TASKS, by=by)
    model = model_for(data).float()
    probe = Probe(model, data.tasks, single(batch_of(data, model_for(data))), rate=0.5)
    chance = torch.Generator().manual_seed(0)
    for k, p in enumerate(model.parameters()):
        p.grad = None if k % 3 == 0 else torch.randn(p.shape, generator=chance)
    model.train()
    model.sharing.eval()
    before = copy.deepcopy(model.state_dict())
    grads = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    modes = [m.training for m in model.modules()]
    asks = [p.requires_grad for p in model.parameters()]
    random = torch.get_rng_state()
    with torch.no_grad():  # it must work wherever it is called
        gram, affinity = probe.gram(), probe.affinity()
    assert gram is not None
    assert affinity is not None
    assert affinity.abs().nan_to_num().max() > 0
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    for p, grad in zip(model.parameters(), grads, strict=True):
        assert (p.grad is None) == (grad is None)
        assert grad is None or torch.equal(p.grad, grad)
    assert modes == [m.training for m in model.modules()]
    assert asks == [p.requires_grad for p in model.parameters()]
    assert torch.equal(random, torch.get_rng_state())


# ---- the record ----


def told_of(weights: list[float], counts: list[float], gram: Tensor | None = None, skipped: str = "") -> Told:
    one = torch.tensor(weights)
    return Told(torch.zeros(len(weights)), torch.tensor(counts).double(), one, gram, skipped)


def test_means_are_over_the_steps_in_which_a_task_is_present() -> None:
    diagnosis = Diagnosis(["a", "b", "c"], 2, place="parameters")
    rows = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]).double()
    diagnosis.step(told_of([2.0, 1.0, 0.0], [5, 5, 0], rows @ rows.T))
    rows = torch.tensor([[3.0, 0.0], [0.0, 2.0], [0.0, 4.0]]).double()
    diagnosis.step(told_of([4.0, 1.0, 7.0], [5, 5, 5], rows @ rows.T))
    diagnosis.step(told_of([0.0, 0.0, 0.0], [0, 0, 0], skipped="the loss of 'a' nan"))
    diagnosis.end_epoch(1)
    diagnosis.step(told_of([1.0, 1.0, 1.0], [5, 0, 0], torch.diag(torch.tensor([4.0, 0.0, 0.0])).double()))
    diagnosis.end_epoch(2)
    told = diagnosis.told
    assert told["weights"] == {"a": [3.0, 1.0], "b": [1.0, None], "c": [7.0, None]}
    assert told["norms"] == {"a": [2.0, 2.0], "b": [1.5, None], "c": [4.0, None]}
    assert told["cosines"] == [[1.0, -0.5, 0.0], [-0.5, 1.0, 1.0], [0.0, 1.0, 1.0]]
    assert told["conflicts"] == [0.5, None]  # the mean of 1 of 1 pair and 0 of 3
    assert told["place"] == "parameters"
    assert told["affinity"] is None


def test_tasks_that_no_row_knows_together_have_no_cosine_at_the_features() -> None:
    net = fitted(("height",), by="school")
    told = net.notes["gradients"]
    assert told["tasks"] == ["s1", "s2", "s3"]
    assert told["cosines"] is None
    assert told["conflicts"] == [None] * 3
    assert min(v for line in told["norms"].values() for v in line) > 0
    assert np.isfinite(np.array(told["affinity"], dtype=float)).all()  # it is taken at the parameters


@pytest.mark.parametrize("place", ["features", "parameters"])
def test_balancers_that_look_at_gramians_are_followed_step_by_step(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Told] = []
    own = loop.step

    def watched(*args: Any, **options: Any) -> Told:
        seen.append(own(*args, **options))
        return seen[-1]

    monkeypatch.setattr(loop, "step", watched)
    monkeypatch.setattr(Probe, "gram", None)  # it is not asked
    told = fitted(balancing="mgda", gradients=place, epochs=2).notes["gradients"]
    assert told["place"] == place
    for p, task in enumerate(TASKS):
        of_epochs = np.array([float(t.weights[p]) for t in seen]).reshape(2, -1)
        np.testing.assert_allclose(told["weights"][task], of_epochs.mean(axis=1), rtol=1e-3)
    grams = [t.gram for t in seen]
    assert all(g is not None for g in grams)
    angles = np.array([float(g[0, 1] / (g[0, 0] * g[1, 1]).sqrt()) for g in grams if g is not None])
    assert told["cosines"][0][1] == pytest.approx(angles.reshape(2, -1).mean(axis=1).mean(), abs=1e-3)


# ---- the fit ----

CASES: tuple[tuple[str | None, dict[str, Any]], ...] = (
    (None, {}),
    ("school", {}),
    (None, {"balancing": "uncertainty", "members": 2}),
    (None, {"balancing": "mgda", "sharing": "mmoe"}),
    (None, {"balancing": "rlw", "judge_every": 2, "average": 0.0, "schedule": "cosine"}),
    ("school", {"balancing": "imtl_g", "gradients": "parameters", "stopping": "head"}),
    (None, {"optimizer": "lbfgs", "dropout": 0.0, "embedding_dropout": 0.0, "epochs": 1}),
    (None, {"dtype": "bfloat16", "calibrate": True}),
)


def result(net: Net) -> tuple[str, dict[str, bytes]]:
    """All that a fit gave, without its diagnosis, to the last bit."""
    notes = {k: v for k, v in net.notes.items() if k != "gradients"}
    state = {k: v for k, v in net.state().items() if k != "gradients"}
    value, arrays = pack([state, notes])
    return json.dumps(value, sort_keys=True), {k: v.tobytes() for k, v in arrays.items()}


@pytest.mark.parametrize(("by", "options"), CASES, ids=lambda c: str(c))
def test_the_fit_is_the_same_bit_for_bit_with_and_without(by: str | None, options: dict[str, Any]) -> None:
    on, off = (fitted(by=by, diagnose=d, **options) for d in (True, False))
    assert on.notes["gradients"] is not None
    assert off.notes["gradients"] is None
    assert result(on) == result(off)


def test_what_is_told_of_a_fit() -> None:
    net = fitted()
    told = net.notes["gradients"]
    json.dumps(told, allow_nan=False)
    assert told["tasks"] == list(TASKS)
    assert told["place"] == "features"
    cosines = np.array(told["cosines"])
    np.testing.assert_array_equal(cosines, cosines.T)
    assert (np.diag(cosines) == 1).all()
    assert np.abs(cosines).max() <= 1
    assert len(told["conflicts"]) == 3
    assert {len(line) for key in ("norms", "weights") for line in told[key].values()} == {3}
    assert told["weights"]["sick"] == [1.0] * 3
    assert told["affinity_epochs"] == [1]
    assert np.diag(np.array(told["affinity"])).min() > 0, "a task's own small step helps it"
    value, arrays = pack(net.state())
    again = Net(**net.options)
    data = dataset(frame(160, seed=2), TASKS)
    again.restore(unpack(json.loads(json.dumps(value)), arrays), data.tasks, data.schema)
    assert again.notes["gradients"] == told


def test_one_task_and_very_many_have_none() -> None:
    assert fitted(("height",)).notes["gradients"] is None
    table = frame(160, seed=2)
    table["school"] = [f"s{i % (MOST + 1):02d}" for i in range(len(table))]
    net = Net(**{**SMALL, "epochs": 1}).fit(*halves(dataset(table, ("height",), by="school")))
    assert net.notes["gradients"] is None
    table["school"] = [f"s{i % 21:02d}" for i in range(len(table))]
    net = Net(**{**SMALL, "epochs": 1}).fit(*halves(dataset(table, ("height",), by="school")))
    assert net.notes["gradients"]["affinity"] is None
    assert len(net.notes["gradients"]["weights"]) == 21


def test_features_with_nothing_learned_behind_them_have_no_gradients() -> None:
    table = frame(120, seed=5)
    data = dataset(table, ("height", "sick"), columns=NUMBERS)
    told = Net(**{**SMALL, "depth": 0, "embedding": 0, "epochs": 2}).fit(*halves(data)).notes["gradients"]
    assert told["cosines"] is None
    assert told["affinity"] is None
    assert told["norms"] == {"height": [None, None], "sick": [None, None]}
    assert told["weights"] == {"height": [1.0, 1.0], "sick": [1.0, 1.0]}


@pytest.mark.parametrize(("balancing", "at"), [("uncertainty", 4), ("mgda", 8), ("equal", 11)])
def test_a_fit_that_was_broken_off_ends_with_the_same_diagnosis(
    balancing: str, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a member has two epochs of four steps; checkpoints stand in the middle of them, too
    options = {"balancing": balancing, "members": 1 + at // 9, "epochs": 2, "batch_size": 32}
    whole = fitted(**options)
    steps = iter(range(1, 99))
    own = loop.step

    def breaking(*args: Any, **given: Any) -> Told:
        if next(steps) == at:
            raise KeyboardInterrupt
        return own(*args, **given)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "step", breaking)
        with pytest.raises(KeyboardInterrupt):
            fitted(**options, checkpoint=str(tmp_path), every=2)
    assert list(tmp_path.rglob("state.json"))
    again = fitted(**options, checkpoint=str(tmp_path), every=2)
    assert again.notes["gradients"] == whole.notes["gradients"]
    assert result(again) == result(whole)


def test_its_state_brings_it_back_in_the_middle_of_an_epoch() -> None:
    model, batch, tasks = twins(-1.0)
    probe = Probe(model, tasks, batch, rate=0.1)

    def run(diagnosis: Diagnosis, steps: range) -> Diagnosis:
        for k in steps:
            diagnosis.step(told_of([1 + 0.1 * k, 0.3 * k], [5.0, 5.0 * (k % 2)]))
            if k % 3 == 2:
                diagnosis.end_epoch(1 + k // 3)
        return diagnosis

    whole = run(Diagnosis(["a", "b"], 5, probe=probe), range(15))
    first = run(Diagnosis(["a", "b"], 5, probe=probe), range(7))
    state = copy.deepcopy(first.state())
    other = Diagnosis(["a", "b"], 5, probe=probe)
    other.restore(state)
    assert run(other, range(7, 15)).told == whole.told
    assert whole.told["conflicts"] == [1.0] * 5
    assert whole.told["affinity_epochs"] == [1, 3]


def test_a_process_that_is_not_the_first_only_notes_what_steps_tell() -> None:
    diagnosis = Diagnosis(["a", "b"], 1)
    diagnosis.step(told_of([2.0, 3.0], [4, 4]))
    diagnosis.end_epoch(1)
    assert diagnosis.told["weights"] == {"a": [2.0], "b": [3.0]}
    assert diagnosis.told["norms"] == {"a": [None], "b": [None]}


@pytest.mark.parametrize("epochs", [1, 2, 5, 6, 20, 1000])
def test_affinity_is_measured_at_few_epochs_from_the_first_on(epochs: int) -> None:
    found = looked_at(epochs)
    assert len(found) == min(5, int(np.ceil(epochs / 4)))
    assert found[0] == 1
    assert found[-1] <= epochs
    assert max(np.diff([*found, epochs + 1])) <= epochs / len(found) + 1
