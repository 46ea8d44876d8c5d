"""A streamed fit: the batches of the file, the net of the table that is held, a resume bit by bit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from neural_tables import COLUMNS, frame
from umbel.data.batch import Batch
from umbel.data.parquet import ParquetFile
from umbel.data.prepare import Prepared, prepare
from umbel.data.problem import Problem
from umbel.data.sampler import Sampler
from umbel.data.split import Split
from umbel.errors import ConfigError
from umbel.training import loop as loop_module
from umbel.training.batches import BatchStream
from umbel.training.estimator import MultiTask
from umbel.training.learners import streamed_net
from umbel.training.learners.net import Net
from umbel.training.learners.streamed_net import Source, StreamedNet
from umbel.training.loading import load
from umbel.training.loop import Loop

pytest.importorskip("pyarrow", reason="Parquet needs the extra 'tables'")

TRAIN, VALID = 240, 60
SMALL: dict[str, Any] = {"width": 8, "embedding": 4, "epochs": 3, "batch_size": 30, "lr": 1e-2}


class InOrder(Net):
    """A net that holds its rows and takes them as they stand."""

    def _loop(self, *parts: Any, **named: Any) -> Loop:
        loop = super()._loop(*parts, **named)
        loop.sampler = Sampler(len(loop.rows), self.batch_size, 0, shuffle=False)
        return loop


def made(folder: Path, by: str | None = None) -> tuple[Prepared, Source]:
    """The same training rows held, and in a file of row groups of a batch each."""
    table = frame(TRAIN + VALID, seed=3).assign(height=lambda f: f["height"].fillna(170.0))
    types = {c.name: c.type for c in COLUMNS}
    problem = Problem.of(["height", "sick", "tags", "sort"], by=by, inputs=types)
    split = Split(np.arange(TRAIN), np.arange(TRAIN, TRAIN + VALID), np.arange(0))
    table[:TRAIN].to_parquet(folder / "train.parquet", row_group_size=30)
    source = Source(ParquetFile(folder / "train.parquet"), problem, buffer=60, shuffle=False, ahead=1)
    return prepare(table, problem, split=split), source


def weights(net: Net) -> dict[str, np.ndarray]:
    states = net.state()["members"][0]["states"]
    return {f"{e} {n}": v["__tensor__"] for e, state in states.items() for n, v in state.items()}


@pytest.mark.parametrize(("by", "ahead"), [(None, 1), ("school", 1), (None, 4)])
def test_it_learns_what_the_held_table_teaches(tmp_path: Path, by: str | None, ahead: int) -> None:
    data, source = made(tmp_path, by)
    options = {**SMALL, "dtype": "float64", "balancing": "uncertainty", "prior": "gaussian"}
    held = InOrder(**options).fit(data.train, data.valid)
    read = Source(source.file, source.problem, buffer=240, shuffle=False, ahead=ahead)
    streamed = StreamedNet(**options).fit_from(read, data.train, data.valid)
    one, two = weights(held), weights(streamed)
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_allclose(two[name], value, rtol=0, atol=1e-6, err_msg=name)
    for target, curve in held.notes["curves"].items():
        assert streamed.notes["curves"][target] == pytest.approx(curve)


class KillError(Exception):
    """A kill, as far as a test goes."""


def stopping_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    own, left = loop_module.step, [number]

    def dying(*args: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise KillError
        return own(*args, **options)

    monkeypatch.setattr(loop_module, "step", dying)


@pytest.mark.parametrize("at", [4, 9, 14])
def test_a_resumed_fit_is_bit_identical(tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data, source = made(tmp_path)
    source = Source(source.file, source.problem, buffer=120, ahead=3)
    options = {**SMALL, "balancing": "uncertainty", "checkpoint": str(tmp_path / "checkpoint"), "every": 3}
    whole = StreamedNet(**{**options, "checkpoint": None}).fit_from(source, data.train, data.valid)
    with monkeypatch.context() as patch:
        stopping_at(at, patch)
        with pytest.raises(KillError):
            StreamedNet(**options).fit_from(source, data.train, data.valid)
    steps = [0]
    own = loop_module.step

    def counted(*args: Any, **named: Any) -> Any:
        steps[0] += 1
        return own(*args, **named)

    monkeypatch.setattr(loop_module, "step", counted)
    again = StreamedNet(**options).fit_from(source, data.train, data.valid)
    kept = max((at - 1) // every * every for every in (3, 8))  # three steps, or an epoch
    assert steps[0] == 3 * 8 - kept  # it went on, it did not begin anew
    one, two = weights(whole), weights(again)
    assert all(np.array_equal(two[name], value) for name, value in one.items())
    assert whole.notes == again.notes


def numbered(rows: pd.DataFrame) -> Batch:
    return Batch({}, {}, {}, torch.from_numpy(rows.index.to_numpy().copy()))


def streams(path: Path, world: int, **options: Any) -> list[BatchStream]:
    return [
        BatchStream(
            ParquetFile(path, ["row"]),
            numbered,
            **{"batch_size": 24, "seed": 1, **options},
            rank=r,
            world=world,
        )
        for r in range(world)
    ]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 rows in row groups of 50."""
    place = tmp_path_factory.mktemp("long") / "rows.parquet"
    pd.DataFrame({"row": range(2000)}).to_parquet(place, row_group_size=50)
    return place


@pytest.mark.parametrize("world", [1, 3])
def test_an_epoch_has_every_row_once_in_step_and_little_is_held(long: Path, world: int) -> None:
    parts = streams(long, world, buffer=300)
    found: list[int] = []
    for stream in parts:
        sizes = []
        for batch in stream:
            found += batch.rows.tolist()
            sizes.append(len(batch))
            assert stream.groups.held < 300 + 50
        assert len(sizes) == len(stream) == len(parts[0])
        assert max(sizes) <= -(-24 // world) + 1
        assert stream.state == {"epoch": 1, "position": 0}
    assert sorted(found) == list(range(2000))
    assert len(parts[0]) * 24 < 2000 * 1.1
    assert found != sorted(found)


@pytest.mark.parametrize("position", [0, 1, 5, 6, 83])
def test_a_stream_goes_on_where_it_stood(long: Path, position: int) -> None:
    (stream,), (again,) = streams(long, 1, buffer=300), streams(long, 1, buffer=300)
    first = iter(stream)
    for _ in range(position):
        next(first)
    again.restore(json.loads(json.dumps(stream.state)))
    for _ in range(2):  # the rest of this epoch, and the next one
        one, two = [b.rows.tolist() for b in first], [b.rows.tolist() for b in again]
        assert one == two
        first = iter(stream)


# ---- the whole walk ----


def tabled(rows: int = 3000) -> pd.DataFrame:
    chance = np.random.default_rng(0)
    x = chance.normal(size=(rows, 3))
    return pd.DataFrame(x, columns=list("abc")).assign(
        row=np.arange(rows),
        who=[f"p{k}" for k in chance.integers(0, rows // 5, rows)],
        level=chance.choice(["u", "v"], rows),
        y=lambda f: f["a"] - f["b"] + 0.5 * chance.normal(size=rows),
        k=lambda f: np.where(f["c"] + 0.5 * chance.normal(size=rows) > 0, "yes", "no"),
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 rows in row groups of 100; a third of one target is missing."""
    place = tmp_path_factory.mktemp("walk") / "rows.parquet"
    table = tabled()
    table.assign(y=table["y"].mask(table["row"] % 3 == 0)).to_parquet(place, row_group_size=100)
    return place


def model(**stream: Any) -> MultiTask:
    return MultiTask(
        ["y", "k"],
        entity=["who"],
        options={**SMALL, "epochs": 4, "batch_size": 64, "dropout": 0.0},
        stream={"sample": 600, "valid": 300, "buffer": 256, **stream},
    )


@pytest.fixture(scope="module")
def walked(file: Path) -> Iterator[tuple[MultiTask, list[int], list[int]]]:
    """A streamed fit, the rows its buffer held, and the rows of each frame that was made of the file."""
    held: list[int] = []
    frames: list[int] = []

    class Watched(BatchStream):
        def __iter__(self) -> Iterator[Batch]:
            for batch in super().__iter__():
                held.append(self.groups.held)
                yield batch

    own = ParquetFile.frame

    def framed(self: ParquetFile, *args: Any) -> pd.DataFrame:
        found = own(self, *args)
        frames.append(len(found) if len(self.columns) > 3 else 0)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamed_net, "BatchStream", Watched)
        patch.setattr(ParquetFile, "frame", framed)
        yield model().fit(file), held, frames


def test_a_fit_holds_no_more_than_buffer_and_sample(walked: tuple[MultiTask, list[int], list[int]]) -> None:
    fitted, held, frames = walked
    assert max(held) < 256 + 100
    assert max(frames) <= 256
    rows = fitted.notes_["rows"]
    assert rows["train"] > 2000
    assert 500 < rows["sample"] < 700
    assert rows["held_valid"] <= 330
    assert len(held) % 4 == 0


def test_it_learns_and_says_so(walked: tuple[MultiTask, list[int], list[int]], file: Path) -> None:
    fitted = walked[0]
    assert fitted.schema_.names == ["a", "b", "c", "level"]  # neither the entity nor the row's number
    skills = fitted.notes_["skill"]
    assert set(skills) == {"net", "constant", "linear"}
    assert skills["net"]["y"] > 0.75
    assert skills["net"]["k"] > 0.5
    scores = fitted.evaluate(file, test=True, resamples=60).set_index(["task", "metric"])
    assert scores.loc[("y", "r2"), "value"] > 0.75
    assert scores.loc[("y", "r2"), "low"] < scores.loc[("y", "r2"), "value"]
    with pytest.raises(ConfigError, match="left alone"):
        MultiTask(["y", "k"], model="constant").fit(tabled(300)).evaluate(file, test=True)


def test_scores_in_pieces_are_those_of_the_table(
    walked: tuple[MultiTask, list[int], list[int]], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("umbel.training.pieces.PIECE", 700)
    fitted = walked[0]
    pieces = fitted.evaluate(file, resamples=0)
    whole = fitted.evaluate(pd.read_parquet(file), resamples=0)
    pd.testing.assert_frame_equal(pieces, whole, rtol=1e-5)


def test_a_saved_model_is_a_net_like_any_other(
    walked: tuple[MultiTask, list[int], list[int]], tmp_path: Path
) -> None:
    fitted, new = walked[0], tabled(50)
    again = load(fitted.save(tmp_path / "model"))
    assert type(again.learner_) is Net
    pd.testing.assert_frame_equal(again.predict(new), fitted.predict(new))
    assert again.config_.stream == fitted.config_.stream


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"model": "forest"}, "model: forest"),
        ({"folds": 5}, "folds: 5"),
        ({"options": {"optimizer": "lbfgs"}}, "optimizer: lbfgs"),
        ({"options": {"sampling": "uniform"}}, "sampling: uniform"),
        ({"stream": {"sampel": 3}}, "did you mean 'sample'"),
    ],
)
def test_what_needs_all_rows_is_refused(file: Path, change: dict[str, Any], found: str) -> None:
    with pytest.raises(ConfigError, match=found):
        model().set_params(**change).fit(file)


def test_only_a_parquet_file_is_streamed() -> None:
    with pytest.raises(ConfigError, match="DataFrame"):
        model().fit(tabled(50))


def test_two_processes_fit_one_model(tmp_path: Path) -> None:
    made(tmp_path)
    worker = Path(__file__).with_name("two_streams.py")
    done = subprocess.run(
        [sys.executable, str(worker), str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["loss"] < 0.999
    assert told["apart"] == 0.0
    assert told["from_one"] < 1e-6
