"""Columns of images, sounds and series in the house: inference, inspection, audits, entities, reading."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from umbel.data.auditing import audit
from umbel.data.cells import blank
from umbel.data.entities import find_entities
from umbel.data.infer import infer_column
from umbel.data.inspect import inspect_table
from umbel.data.media import media_of
from umbel.data.outline import problem_yaml
from umbel.data.parquet import ParquetFile
from umbel.data.prepare import prepare
from umbel.data.problem import Problem
from umbel.data.read import read_table
from umbel.data.split import Split
from umbel.errors import DataError

chance = np.random.default_rng(0)
N = 60


def column(cells: list[Any], name: str = "c") -> pd.Series:
    found = np.empty(len(cells), dtype=object)
    for row, cell in enumerate(cells):
        found[row] = cell
    return pd.Series(found, name=name)


def picture(seed: int) -> Any:
    coarse = np.random.default_rng(seed).integers(0, 200, (4, 4, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((4, 4, 1), dtype=np.uint8))


def png(array: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


PICTURES = [picture(row) for row in range(N)]


def table() -> pd.DataFrame:
    """Every form of media cell, some missing, beside a number; two targets."""
    x = chance.normal(size=N)
    frame = pd.DataFrame({"x": x, "y": x + 0.5 * chance.normal(size=N), "sort": np.where(x > 0, "a", "b")})
    frame["array"] = column(PICTURES)
    frame["bytes"] = column([png(p) if row % 9 else None for row, p in enumerate(PICTURES)])
    frame["path"] = [f"pictures/{row}.png" for row in range(N)]
    frame["opened"] = column([{"bytes": png(p), "path": None} for p in PICTURES])
    frame["sound"] = column([f"s{row}.wav" if row % 7 else None for row in range(N)])
    frame["rated"] = column([(chance.normal(size=20), 8000) for _ in range(N)])
    frame["series"] = column([chance.normal(size=chance.integers(2, 9)) for _ in range(N)])
    return frame


TYPES = dict.fromkeys(("array", "bytes", "path", "opened"), "image") | {
    "sound": "audio",
    "rated": "audio",
    "series": "series",
}


@pytest.mark.parametrize(
    ("cells", "type_", "says"),
    [
        ([np.zeros((4, 4)), None, np.zeros((4, 5, 3))], "image", "arrays of two or three axes"),
        ([png(PICTURES[0]), None], "image", "bytes of images"),
        ([b"RIFF0000WEBPVP8 ", None], "image", "bytes of images"),
        ([b"RIFF0000WAVEfmt ", None], "audio", "bytes of sounds"),
        ([{"bytes": None, "path": "a.flac"}], "audio", "of sounds"),
        ([(np.zeros(9), 8000), None], "audio", "arrays of sounds"),
        (["a/b.png", "c d.JPG", None], "image", "paths of images"),
        (["a.wav", "b.flac"], "audio", "paths of sounds"),
        (["http://a/b.png", "http://a/c.png"], "category", "distinct"),
        (["a.png", "b.wav"], "category", "distinct"),
        (["a.png", "a word"], "category", "distinct"),
        ([np.zeros(3), np.zeros(4)], "series", "in their order"),
        ([np.array(["a", "b"]), np.array(["c"])], "set", "lists"),
        ([[1, 2], [3]], "set", "lists"),
        ([b"\x00\x01", b"\x02"], None, "neither images nor sounds"),
    ],
)
def test_types_are_inferred(cells: list[Any], type_: str | None, says: str) -> None:
    found = infer_column(column(cells))
    assert found.type == type_, found
    assert says in found.reason


def test_webp_is_no_sound() -> None:
    file = io.BytesIO()
    Image.fromarray(PICTURES[0]).save(file, "WEBP")
    assert media_of(file.getvalue()) == "image"


def test_inspection_tells_of_them_and_its_yaml_reads_back() -> None:
    found = inspect_table(table(), ["y", "sort"])
    types = {look.name: look.inferred.type for look in found.columns}
    assert {name: types[name] for name in TYPES} == TYPES
    assert found.column("array").examples[0] == "16 x 16 x 3 numbers"
    assert found.column("path").examples[0] == "pictures/0.png"
    assert found.column("bytes").missing == pytest.approx(7 / 60)
    assert found.column("array").distinct == N
    assert Problem.read(yaml.safe_load(problem_yaml(found))) == found.problem
    assert {c.name for c in inspect_table(table()).candidates}.isdisjoint(TYPES)


def test_an_audit_sees_copies_of_them_and_nothing_crashes() -> None:
    frame = table()
    split = Split.of(np.arange(N) % 3)
    clean = audit(frame, Problem.of(["y", "sort"]), split)
    assert not [leak for leak in clean.leaks if leak.check == "copies"]
    twice = pd.concat([frame, frame.iloc[:30].assign(y=0.1)], ignore_index=True)
    sides = np.concatenate([np.arange(N) % 3, (np.arange(30) + 1) % 3])
    report = audit(twice, Problem.of(["y", "sort"]), Split.of(sides))
    assert [leak.count for leak in report.leaks if leak.check == "copies"] == [60]
    # nothing else is an input
    report = audit(twice[["array", "y"]], Problem.of("y"), Split.of(sides))
    assert [leak.count for leak in report.leaks if leak.check == "copies"] == [60]


def test_images_that_differ_from_side_to_side_are_told_apart_without_opening_a_file() -> None:
    dark = [p if row % 2 else (p // 2) for row, p in enumerate(PICTURES * 4)]
    frame = pd.DataFrame({"p": column(dark), "y": chance.normal(size=4 * N)})
    report = audit(frame, Problem.of("y"), Split.of(np.where(np.arange(4 * N) % 2, 0, 2)))
    assert report.adversary is not None
    assert report.adversary.auc > 0.7


class TestEntities:
    def test_images_that_look_alike_are_one(self) -> None:
        brighter = [np.minimum(p.astype(int) + 9, 255).astype(np.uint8) for p in PICTURES[:10]]
        fractions = [np.moveaxis(p, 2, 0) / 255 for p in PICTURES[10:20]]
        cells = [*PICTURES, *map(png, brighter), *fractions, None, None]
        frame = pd.DataFrame({"p": column(cells), "y": np.arange(len(cells)) % 5 / 2})
        found = find_entities(frame, Problem.of("y", duplicates="p"))
        np.testing.assert_array_equal(found[N : N + 20], found[:20])
        assert len(set(found)) == N + 2

    def test_paths_are_opened_in_the_tables_folder(self, tmp_path: Path) -> None:
        for name, which in (("a", 0), ("b", 0), ("c", 1)):
            (tmp_path / f"{name}.png").write_bytes(png(PICTURES[which]))
        pd.DataFrame({"p": ["a.png", "b.png", "c.png"], "y": [1.5, 2, 3]}).to_csv(
            tmp_path / "t.csv", index=False
        )
        frame = read_table(tmp_path / "t.csv")
        assert find_entities(frame, Problem.of("y", duplicates="p")).tolist() == [0, 0, 1]
        (tmp_path / "c.png").write_bytes(b"nothing")
        with pytest.raises(DataError, match=r"column 'p', row 2 .*c\.png"):
            find_entities(frame, Problem.of("y", duplicates="p"))

    @pytest.mark.parametrize("name", ["series", "sound", "rated"])
    def test_sounds_and_series_are_one_where_they_are_equal(self, name: str) -> None:
        frame = pd.concat([table().iloc[1:4]] * 2, ignore_index=True)
        assert find_entities(frame, Problem.of("y", duplicates=name)).tolist() == [0, 1, 2, 0, 1, 2]
        assert find_entities(frame, Problem.of("y", entity=name)).tolist() == [0, 1, 2, 0, 1, 2]

    def test_the_same_rows_have_the_same_content(self) -> None:
        frame = table()[["array", "bytes", "rated", "series", "y"]]
        twice = pd.concat([frame, frame], ignore_index=True)
        twice.loc[N:, "array"] = column([p.astype(float) for p in PICTURES]).to_numpy()
        found = find_entities(twice, Problem.of("y", duplicates="rows"))
        assert found.tolist() == [*range(N), *range(N)]
        twice.at[N, "array"] = PICTURES[0] + 1
        assert find_entities(twice, Problem.of("y", duplicates="rows"))[N] == N


def test_missing_texts_are_missing_among_paths_and_arrays() -> None:
    cells = column(["?", "a.png", np.zeros((2, 2)), None])
    assert blank(cells, ["?"]).isna().tolist() == [True, False, False, True]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_knows_its_folder(tmp_path: Path, ending: str) -> None:
    (tmp_path / "pictures").mkdir()
    frame = table()[["x", "y", "path"]]
    path = tmp_path / f"t.{ending}"
    frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path)
    prepared = prepare(read_table(path), Problem.of("y"))
    assert prepared.dataset.source["path"][3] == str(tmp_path / "pictures" / "3.png")
    if ending == "parquet":
        file = ParquetFile(path)
        part = file.frame(file.read([0]), np.arange(2), np.arange(2))
        assert part.attrs["folder"] == str(tmp_path)


def test_of_a_part_of_the_rows_an_error_names_the_row_of_the_table() -> None:
    prepared = prepare(table()[["x", "y", "array"]], Problem.of("y"), seed=1)
    frame = prepared.test.frame(["array"])
    np.testing.assert_array_equal(frame.index, prepared.test.rows)


def test_on_error_reaches_the_columns() -> None:
    prepared = prepare(table().drop(columns="sound"), Problem.of("y", on_error="skip"))
    skips = {c.name for c in prepared.dataset.schema.columns if c.skip}
    assert skips == {"array", "bytes", "path", "opened", "rated"}
    again = type(prepared.dataset.schema).from_state(prepared.dataset.schema.state)
    assert again == prepared.dataset.schema
