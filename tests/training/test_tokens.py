"""A text beside other tasks: learned, saved, mixed, stacked, and written without an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import umbel
from classic_tables import CASES, split, without_answers
from umbel.data.dataset import Dataset
from umbel.tasks import Prediction
from umbel.training.calibrate import fit_calibration
from umbel.training.held import Held
from umbel.training.learner import LEARNERS
from umbel.training.learners.average import Average
from umbel.training.learners.net import Net
from umbel.training.learners.stacked import Stacked
from umbel.training.loading import load
from umbel.training.making import make
from umbel.training.skill import losses, skill
from umbel.training.tabulate import start_of

Parts = tuple[Dataset, Dataset, Dataset]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def parts() -> Parts:
    return split(CASES["a text and labels"].make(rows=90))


@pytest.fixture(scope="module")
def net(parts: Parts) -> Net:
    options = {"epochs": 6, "width": 8, "batch_size": 16, "lr": 0.02, "dropout": 0.0}
    return Net(**options, stopping="none").fit(*parts[:2])


def test_a_net_learns_the_text_and_the_labels_together(parts: Parts, net: Net) -> None:
    train = parts[0]
    found = net.predict(train)
    for target in train.tasks.targets:
        name = target.name
        worth = skill(target.kind, found[name], train.values(name), train.weights(name))
        assert worth is not None
        assert worth > 0.05


def test_what_is_written_owes_nothing_to_an_answer(parts: Parts, net: Net) -> None:
    found, blind = net.predict(parts[2]), net.predict(without_answers(parts[2]))
    assert found["reply"].tokens is not None
    np.testing.assert_array_equal(found["reply"].tokens, blind["reply"].tokens)
    np.testing.assert_array_equal(found["sick"].value, blind["sick"].value)
    assert (blind["reply"].value == 1).all()
    assert not np.array_equal(found["reply"].value, blind["reply"].value)


@pytest.mark.parametrize("balancing", ["upgrad", "famo"])
def test_balancers_see_the_text_as_any_task(parts: Parts, balancing: str) -> None:
    found = Net(epochs=1, width=8, balancing=balancing).fit(*parts[:2]).predict(parts[2])
    assert np.isfinite(found["reply"].value).all()


def test_an_ensemble_of_nets_means_probabilities(parts: Parts) -> None:
    found = Net(epochs=1, width=8, members=2).fit(*parts[:2]).predict(parts[2])
    assert found["reply"].tokens is not None
    assert ((found["reply"].value > 0) & (found["reply"].value <= 1)).all()


def test_it_begins_at_the_shares_of_the_training_tokens(parts: Parts) -> None:
    train = parts[0]
    kind = train.tasks.target("reply").kind
    values, weights = train.values("reply"), train.weights("reply")
    start = start_of(kind, torch.from_numpy(values), torch.from_numpy(weights))
    counts = np.bincount(values[weights > 0], minlength=kind.width) + 0.01
    np.testing.assert_allclose(start.numpy(), np.log(counts / counts.sum()))


def test_the_skill_of_a_text_is_measured_against_its_shares(parts: Parts) -> None:
    test = parts[2]
    kind, values, weights = test.tasks.target("reply").kind, test.values("reply"), test.weights("reply")
    same = kind.at(kind.constant(values, weights), values)
    assert skill(kind, same, values, weights) == pytest.approx(0.0, abs=1e-12)
    sure = Prediction(np.ones(values.shape))
    assert skill(kind, sure, values, weights) == 1.0
    np.testing.assert_allclose(losses(kind, np.array([[0.5]]), np.array([[3]])), [[np.log(2)]])


def test_a_text_is_not_calibrated(parts: Parts) -> None:
    kind = parts[0].tasks.target("reply").kind
    raw = -torch.ones(4, 5)
    assert fit_calibration(kind, raw, torch.ones(4, 5), torch.ones(4, 5)) is None


def test_an_average_takes_the_better_model_of_a_text(parts: Parts) -> None:
    members = {name: make(name).fit(*parts[:2]) for name in ("constant", "linear")}
    held = {name: Held(parts[1], member.predict(parts[1])) for name, member in members.items()}
    found = Average().of(members, held)
    weights = found.weights["reply"]
    expected = sum(weights[n] * m.predict(parts[2])["reply"].value for n, m in members.items())
    np.testing.assert_allclose(found.predict(parts[2])["reply"].value, expected)


def test_a_stack_corrects_no_task_by_the_true_text(parts: Parts) -> None:
    members = {name: make(name).fit(*parts[:2]) for name in ("constant", "linear")}
    held = {name: Held(parts[1], member.predict(parts[1])) for name, member in members.items()}
    found = Stacked().of(members, held)
    assert found.corrections["reply"] == []
    kept, blind = found.predict(parts[2]), found.predict(without_answers(parts[2]))
    for name in ("sick", "tags"):
        np.testing.assert_array_equal(kept[name].value, blind[name].value)


def test_learners_that_write_no_text_say_so(parts: Parts) -> None:
    writers = {"net", "constant", "linear", "independent", "cross_fit", "average", "chosen", "stacked"}
    for name in LEARNERS.names():
        why = LEARNERS.get(name).serves(parts[0].only("reply"))
        assert bool(why) == (name not in writers | {"kneser_ney"}), f"{name}: {why}"


def talk(rows: int = 80) -> pd.DataFrame:
    said = ["good morning", "how much is it", "where is it"]
    replies = ["good morning", "ten pounds, please", None]
    return pd.DataFrame(
        [[said[i % 3], "greet" if i % 3 == 0 else "ask", replies[i % 3]] for i in range(rows)],
        columns=["said", "act", "reply"],
    )


def test_a_saved_model_writes_the_same_and_may_be_told_how(tmp_path: Path) -> None:
    reply = {"kind": "tokens", "least": 1, "decoder": {"units": 16, "dropout": 0.0}}
    options = {"epochs": 12, "batch_size": 16, "lr": 0.03, "width": 16}
    model = umbel.MultiTask(
        {"act": None, "reply": reply}, inputs={"said": "text"}, model="net", options=options, folds=0
    ).fit(talk())
    new = pd.DataFrame({"said": ["good morning", "how much is it"]})
    assert model.predict(new)["reply"].tolist() == ["good morning", "ten pounds, please"]
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.predict(new)["reply"].tolist() == model.predict(new)["reply"].tolist()
    assert again.tasks_.target("reply").kind.speech.how == "greedy"
    again.tasks_.target("reply").kind.speak(how="beam", beams=2)
    assert again.predict(new)["reply"].tolist() == ["good morning", "ten pounds, please"]
    json.dumps(again.tasks_.state)


def test_rows_of_an_unseen_group_are_written_too() -> None:
    train, valid, test = split(CASES["groups of texts"].make(rows=90))
    fitted = Net(epochs=1, width=8).fit(train, valid)
    assert test.groups is not None
    nobody = replace(test, groups=np.full_like(test.groups, -1), _cache={})
    found = fitted.predict(nobody)["reply"]
    assert found.tokens is not None
    assert found.tokens.shape == found.value.shape


def test_the_example_of_a_dialogue_runs_and_answers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ROOT / "examples" / "dialogue.py"
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    monkeypatch.setattr("sys.argv", [str(path)])
    exec(compile(text, str(path), "exec"), {"__name__": "__main__"})
    told = capsys.readouterr().out
    assert "good morning, how are you?" in told
    assert "the soup is ten pounds." in told
