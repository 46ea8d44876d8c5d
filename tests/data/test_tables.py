"""Several tables as one, and a model over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from umbel import MultiTask
from umbel.app.main import app
from umbel.data.read import read_table
from umbel.data.table_sampler import TableSampler
from umbel.data.tables import join_tables
from umbel.errors import DataError
from umbel.training.loading import load


def two_tables(rows: int = 240) -> dict[str, pd.DataFrame]:
    """Films and books: a common text, inputs and tasks of their own."""
    chance = np.random.default_rng(0)
    words = np.array(["good", "bad"])
    found = {}
    for name, number, target in (("films", "minutes", "stars"), ("books", "pages", "sold")):
        well = chance.integers(0, 2, rows)
        found[name] = pd.DataFrame(
            {
                "title": [f"a {words[1 - w]} {name[:-1]}" for w in well],
                number: well + chance.normal(size=rows),
                target: 2.0 * well + chance.normal(scale=0.5, size=rows),
            }
        )
    return found


class TestJoinTables:
    def test_columns_are_shared_by_name(self) -> None:
        joined = join_tables(two_tables())
        assert list(joined.columns) == ["table", "title", "minutes", "stars", "pages", "sold"]
        films = joined["table"] == "films"
        assert joined.loc[films, "sold"].isna().all()
        assert joined.loc[~films, "minutes"].isna().all()
        assert joined["title"].notna().all()

    def test_a_table_is_read_from_files_too(self, tmp_path: Path) -> None:
        tables = two_tables(20)
        paths = {}
        for name, frame in tables.items():
            paths[name] = f"{tmp_path}/{name}.csv"
            frame.to_csv(paths[name], index=False)
        pd.testing.assert_frame_equal(
            read_table(paths), read_table(tables), check_exact=False, check_dtype=False
        )

    def test_the_name_of_the_column_is_taken(self) -> None:
        with pytest.raises(DataError, match="'a' has one"):
            join_tables({"a": pd.DataFrame({"table": [1]})})

    def test_no_table(self) -> None:
        with pytest.raises(DataError, match="at least one table"):
            join_tables({})


class TestTableSampler:
    def test_a_batch_is_of_one_table_and_each_row_comes_once(self) -> None:
        tables = torch.tensor([0] * 13 + [1] * 7)
        sampler = TableSampler(tables, 4, seed=1)
        for epoch in range(2):
            batches = list(sampler)
            assert all(len(set(tables[batch].tolist())) == 1 for batch in batches)
            assert sorted(torch.cat(batches).tolist()) == list(range(20))
            assert sampler.epoch == epoch + 1

    def test_it_goes_on_where_it_stood(self) -> None:
        tables = torch.tensor([0, 1] * 10)
        whole = TableSampler(tables, 3, seed=1)
        seen = iter(whole)
        next(seen)
        next(seen)
        state = whole.state
        rest = [batch.tolist() for batch in seen]
        again = TableSampler(tables, 3, seed=1)
        again.restore(state)
        assert [batch.tolist() for batch in again] == rest

    def test_processes_share_each_batch(self) -> None:
        tables = torch.tensor([0] * 12 + [1] * 8)
        whole = list(TableSampler(tables, 4, seed=2))
        parts = [list(TableSampler(tables, 4, seed=2, rank=rank, world=2)) for rank in (0, 1)]
        for batch, one, other in zip(whole, *parts, strict=True):
            assert batch.tolist() == one.tolist() + other.tolist()


class TestModelOfTables:
    def test_each_table_is_answered_and_may_come_alone(self) -> None:
        tables = two_tables()
        net = {"epochs": 12, "width": 16, "dropout": 0.0, "embedding_dropout": 0.0, "batch_size": 32}
        model = MultiTask(targets=["stars", "sold"], model="net", options=net, folds=0).fit(tables)
        later = two_tables(40)
        whole = model.predict(later)
        assert len(whole) == 80
        stars = whole["stars"].to_numpy()[:40]
        truth = later["films"]["stars"].to_numpy()
        assert np.corrcoef(stars, truth)[0, 1] > 0.8
        alone = model.predict({"films": later["films"]})
        np.testing.assert_allclose(alone["stars"], stars, rtol=1e-5)

    def test_a_column_of_its_own_table_must_be_there(self) -> None:
        tables = two_tables()
        model = MultiTask(targets=["stars", "sold"], model="linear").fit(tables)
        with pytest.raises(DataError, match="table"):
            model.predict(tables["films"])


class TestDoors:
    def test_a_configuration_names_several_tables(self, tmp_path: Path) -> None:
        lines = ["data:"]
        for name, frame in two_tables(120).items():
            frame.to_csv(tmp_path / f"{name}.csv", index=False)
            lines.append(f"  {name}: {tmp_path / name}.csv")
        lines += ["problem: {targets: [stars, sold]}", "model: {name: linear}"]
        (tmp_path / "config.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        done = CliRunner().invoke(
            app, ["fit", "--config", str(tmp_path / "config.yaml"), "--out", str(tmp_path / "run"), "--quiet"]
        )
        assert done.exit_code == 0, done.output
        assert "films and books" in (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8")
        model = load(tmp_path / "run" / "model")
        assert len(model.predict({"books": two_tables(10)["books"]})) == 10
