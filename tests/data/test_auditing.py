"""The audit of a split: each check passes an honest split and is caught by a sabotaged one."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, ks_2samp
from sklearn.datasets import load_iris
from sklearn.metrics import roc_auc_score

from umbel.data.audit_adversary import clustered_auc
from umbel.data.audit_copies import cell_hashes, find_copies
from umbel.data.audit_drift import find_drifts, holm, measure_classes, measure_numbers
from umbel.data.audit_likeness import likeness, rank_correlation, von_neumann
from umbel.data.audit_overlap import compact, count_overlap, find_shared, sides_of
from umbel.data.audit_report import Finding, Report
from umbel.data.audit_tasks import TaskTable
from umbel.data.auditing import audit
from umbel.data.entities import find_entities
from umbel.data.problem import Problem, SplitSpec
from umbel.data.split import SIDES, Split, split_randomly
from umbel.data.splitting import split_rows
from umbel.errors import DataError

PEOPLE, EACH = 120, 8


def people(seed: int = 0, *, name: str = "patient") -> pd.DataFrame:
    """Visits of persons: an answer and three of four inputs go with the person; half of ``b`` is unknown."""
    chance = np.random.default_rng(seed)
    who = np.repeat(np.arange(PEOPLE), EACH)
    level, other = chance.normal(size=(2, PEOPLE))
    size = len(who)
    frame = pd.DataFrame(
        {
            name: chance.permutation(PEOPLE)[who] + 1000,
            "voice": other[who] + 0.5 * chance.normal(size=size),
            "weight": chance.normal(size=PEOPLE)[who] + 0.3 * chance.normal(size=size),
            "sex": chance.integers(0, 2, PEOPLE)[who],
            "noise": chance.normal(size=size),
            "a": level[who] + 0.2 * chance.normal(size=size),
            "b": np.where(chance.random(size) < 0.5, np.nan, chance.integers(0, 2, size)),
        }
    )
    return frame.iloc[chance.permutation(size)].reset_index(drop=True)


def by_row(frame: pd.DataFrame, seed: int = 0) -> Split:
    return split_randomly(np.arange(len(frame)), SplitSpec(), seed)


def found(report: Report, check: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.check == check]


def severities(report: Report) -> dict[str, str]:
    return {finding.check: finding.severity for finding in report.findings}


def test_an_honest_split_passes_every_check_and_says_so_in_json() -> None:
    frame = people()
    problem = Problem.of(["a", "b"], entity="patient")
    entities = find_entities(frame, problem)
    report = audit(frame, problem, split_rows(frame, problem, entities), near=entities)
    checks = ["entities", "identity", "copies", "near copies", "label drift", "adversary", "inputs"]
    assert [row[0] for row in report.lines()] == checks
    assert set(severities(report).values()) == {"passed"}
    assert report.leaks == []
    assert report.warnings == []
    report.raise_leaks()
    state = json.loads(json.dumps(report.state, allow_nan=False))
    assert state["overlap"]["counts"]["train/test"] == [[0, 0], [0, 0]]
    assert state["rows"] == report.rows
    assert audit(frame, problem, split_rows(frame, problem, entities), near=entities).state == report.state


def test_entities_on_two_sides_are_counted_for_every_pair_of_tasks() -> None:
    frame = people()
    problem = Problem.of(["a", "b"], entity="patient")
    split = by_row(frame)
    report = audit(frame, problem, split)
    held: dict[str, dict[str, set[int]]] = {
        side: {t: set(frame.iloc[getattr(split, side)].dropna(subset=[t])["patient"]) for t in ("a", "b")}
        for side in SIDES
    }
    for key, counts in report.overlap.counts.items():
        one, other = key.split("/")
        brute = [[len(held[one][p] & held[other][q]) for q in ("a", "b")] for p in ("a", "b")]
        assert counts.tolist() == brute
    sides = {side: set(frame["patient"].iloc[getattr(split, side)]) for side in SIDES}
    on_two = (
        (sides["train"] & sides["valid"])
        | (sides["train"] & sides["test"])
        | (sides["valid"] & sides["test"])
    )
    assert report.overlap.shared == len(on_two)
    with pytest.raises(DataError, match=r"entities \('patient'\) are on two sides.*train row") as error:
        report.raise_leaks()
    assert "split by entity" in error.value.remedy
    rows = list(report.leaks[0].rows)
    assert set(frame["patient"].iloc[rows]) <= on_two


def test_an_entity_without_a_shared_label_is_still_on_two_sides() -> None:
    frame = pd.DataFrame({"who": [0, 0, *range(1, 40)], "x": np.arange(41) * 0.7, "y": np.arange(41.0)})
    frame.loc[1, "y"] = np.nan
    sides = np.array([0, 2] + [0, 2, 1] * 13)
    report = audit(frame, Problem.of("y", entity="who", inputs="x"), Split.of(sides))
    assert report.overlap.counts["train/test"].tolist() == [[0]]
    assert report.overlap.shared == 1
    assert report.leaks[0].rows == (0, 1)


def test_given_entities_go_before_the_columns_and_groups_are_tasks() -> None:
    frame = people()
    frame["site"] = np.where(frame["patient"] % 2 == 0, "north", "south")
    problem = Problem.of("a", by="site")
    codes = frame["patient"].to_numpy()
    honest = split_randomly(compact(codes, len(frame)), SplitSpec(), 0)
    report = audit(frame, problem, honest, entities=codes)
    assert report.leaks == []
    assert report.overlap.tasks == ("north", "south")
    table = audit(frame, problem, by_row(frame), entities=codes).overlap.counts["train/test"]
    assert table[0, 1] == table[1, 0] == 0  # a patient has one site
    assert min(table[0, 0], table[1, 1]) > 30


def test_very_many_groups_are_counted_together() -> None:
    frame = pd.DataFrame({"g": np.arange(3000) % 500, "x": np.arange(3000) * 0.3, "a": 1.0, "b": 2.0})
    table = TaskTable(frame, Problem.of(["a", "b"], by="g"))
    sides = (np.arange(3000) // 1000).astype(np.int8)
    found = count_overlap(table, np.arange(3000) % 1000, sides, "")
    assert found.tasks == ("a", "b")
    assert found.counts["train/test"].tolist() == [[1000, 1000], [1000, 1000]]
    assert find_drifts(table, np.arange(3000), np.arange(3000), sides) == []  # two rows of each group a side


@pytest.mark.parametrize("name", ["patient", "k"])
@pytest.mark.parametrize("texts", [False, True])
def test_an_identity_is_found_by_itself(name: str, texts: bool) -> None:
    frame = people(name=name)
    if texts:
        frame[name] = "P" + frame[name].astype(str)
    report = audit(frame, Problem.of(["a", "b"]), by_row(frame))
    (leak,) = report.leaks
    assert leak.check == "identity"
    assert f"'{name}' looks like an identity: 120 values" in leak.words
    with pytest.raises(DataError, match=rf"entity: {name}"):
        report.raise_leaks()
    assert audit(frame, Problem.of(["a", "b"]), by_row(frame), ordinary=[name]).leaks == []
    right = split_rows(frame, (named := Problem.of(["a", "b"], entity=name)), find_entities(frame, named))
    assert audit(frame, Problem.of(["a", "b"]), right).leaks == []  # it is on one side, named or not


def test_the_finest_of_columns_that_hang_together_is_named() -> None:
    frame = people(name="k")
    frame["ward"] = "w" + (frame["k"] // 3).astype(str)
    assert [one.column for one in audit(frame, Problem.of(["a", "b"]), by_row(frame)).identities] == ["k"]


def ordinary_tables() -> dict[str, tuple[pd.DataFrame, Problem]]:
    chance = np.random.default_rng(1)
    n = 1500
    x, noise = chance.normal(size=(2, n))
    plain = pd.DataFrame({"x": x, "z": noise, "y": x + chance.normal(size=n)})
    town = chance.integers(0, 80, n)
    rent = chance.normal(size=80)
    club = chance.integers(0, 6, n)
    count = chance.integers(0, 50, n)
    kind = chance.integers(0, 40, n)
    days = np.cumsum(chance.normal(size=400))
    prices = {f"p{i}": np.round(20 * days + chance.normal(size=400) * 9) + 500 for i in range(12)}
    return {
        "prices of days": (pd.DataFrame(prices).assign(y=days), Problem.of("y")),
        "few levels that tell much": (
            plain.assign(club=np.array(list("abcdef"))[club], y=club + 0.1 * noise, x=club + 0.1 * x),
            Problem.of("y"),
        ),
        "towns with a rent": (
            plain.assign(
                town=np.char.add("t", town.astype(str)),
                north=rent[town] + 0.05 * noise,
                y=rent[town] + 0.3 * x,
            ).assign(**{f"u{i}": chance.normal(size=n) for i in range(4)}),
            Problem.of("y"),
        ),
        "a quantity that tells all": (
            plain.assign(count=count, root=np.sqrt(count), square=count**2 + noise, y=count * 3 + 0.1 * x),
            Problem.of("y"),
        ),
        "a code that tells the answer, not the inputs": (
            plain.assign(code=kind, y=chance.normal(size=40)[kind] + 0.1 * x, w=chance.normal(size=n)),
            Problem.of("y"),
        ),
        "an id of each row": (plain.assign(row_id=np.arange(n)[::-1] * 7), Problem.of("y")),
        "a named id of few levels": (plain.assign(type_id=chance.integers(0, 8, n)), Problem.of("y")),
        "an id that goes with nothing": (plain.assign(user_id=chance.integers(0, 300, n)), Problem.of("y")),
        "a school with its tasks": (
            people(name="school").rename(columns={"sex": "s"}), Problem.of("a", by="school")
        ),
        "dates and true or false": (
            plain.assign(day=pd.Timestamp("2020-01-01") + pd.to_timedelta(kind, unit="D"), on=club > 2),
            Problem.of("y"),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", ordinary_tables())
def test_ordinary_columns_are_no_identity(name: str) -> None:
    frame, problem = ordinary_tables()[name]
    report = audit(frame, problem, by_row(frame))
    assert report.identities == ()
    assert severities(report)["identity"] == "passed"


def test_likeness_is_the_intraclass_correlation() -> None:
    chance = np.random.default_rng(0)
    levels = np.repeat(np.arange(400), 5)
    numbers = chance.normal(size=400)[levels] + chance.normal(size=2000)  # one half by design
    assert likeness(levels, pd.Series(numbers)) == pytest.approx(0.5, abs=0.06)
    means = pd.Series(numbers).groupby(levels).mean()
    between = 5 * means.var()
    within = pd.Series(numbers).groupby(levels).var().mean()
    assert likeness(levels, pd.Series(numbers)) == pytest.approx((between - within) / (between + 4 * within))
    assert likeness(levels, pd.Series(1e-9 * numbers)) == pytest.approx(likeness(levels, pd.Series(numbers)))
    yes = pd.Series(np.where(numbers > 0, "yes", "no"))
    as_number = likeness(levels, (yes == "yes").astype(float))
    assert likeness(levels, yes) == pytest.approx(as_number)
    assert abs(likeness(np.arange(2000) // 2, pd.Series(chance.normal(size=2000)))) < 0.1
    assert np.isnan(likeness(levels, pd.Series(np.ones(2000))))
    assert np.isnan(likeness(np.arange(2000), pd.Series(numbers)))


def test_an_order_that_means_something_is_seen() -> None:
    chance = np.random.default_rng(0)
    levels = np.repeat(np.arange(100), 6)
    code, trend = pd.Series(chance.normal(size=100)[levels]), pd.Series(np.sin(levels / 30))
    assert von_neumann(levels, code) == pytest.approx(1, abs=0.3)
    assert von_neumann(levels, trend) < 0.01
    assert rank_correlation(levels, [code, code, trend]) < 0.2
    assert rank_correlation(levels, [trend, pd.Series(levels)]) > 0.4
    assert rank_correlation(levels, [pd.Series(np.ones(600))]) == 0.0


def copied(columns: dict[str, Any], copies: int) -> tuple[pd.DataFrame, Split]:
    """A table whose last rows are copies of its first, which stand on another side."""
    frame = pd.DataFrame(columns)
    frame.iloc[len(frame) - copies :] = (
        frame.iloc[:copies].to_numpy() if copies else frame.iloc[:0].to_numpy()
    )
    frame = frame.infer_objects()
    frame["y"] = np.random.default_rng(9).normal(size=len(frame))
    sides = np.zeros(len(frame), dtype=int)
    sides[len(frame) * 2 // 3 :] = 2
    return frame, Split.of(sides)


@pytest.mark.parametrize("kind", ["fine", "rounded", "texts", "lists"])
@pytest.mark.parametrize("copies", [0, 7])
def test_copies_are_found(kind: str, copies: int) -> None:
    chance = np.random.default_rng(0)
    n = 900
    columns: dict[str, Any] = {
        "fine": {"u": chance.normal(size=n), "v": chance.integers(0, 3, n)},
        "rounded": {f"u{i}": chance.normal(size=n).round(1) for i in range(8)},
        "texts": {"u": [f"word{i} and word{i * 7 % 900}" for i in range(n)]},
        "lists": {"u": [[f"n{i % 30}", f"n{i % 31}"] for i in range(n)], "v": chance.normal(size=n)},
    }[kind]
    frame, split = copied(columns, copies)
    report = audit(frame, Problem.of("y"), split)
    assert report.copies.kinds == copies
    assert report.copies.count == 2 * copies
    assert severities(report)["copies"] == ("leak" if copies else "passed")
    if copies:
        assert "train row 0 and test row 893" in report.leaks[0].words


def test_one_pair_of_rounded_rows_proves_nothing() -> None:
    """Two of the 150 irises are alike in all four measures, which are rounded to a millimetre."""
    frame = load_iris(as_frame=True).frame
    sides = np.zeros(150, dtype=int)
    sides[[*range(0, 140, 4), 142]] = 2
    report = audit(frame, Problem.of("target"), Split.of(sides))
    assert report.copies.rows == (101, 142)
    assert severities(report)["copies"] == "warning"


def test_rows_alike_by_chance_are_no_leak() -> None:
    chance = np.random.default_rng(0)
    coarse = {f"u{i}": chance.integers(0, 3, 900) for i in range(3)}
    frame, split = copied(coarse, 0)
    report = audit(frame, Problem.of("y"), split)
    assert report.copies.kinds == 27
    assert report.copies.chance
    assert severities(report)["copies"] == "warning"
    given = audit(frame, Problem.of("y", inputs=list(coarse)), split, entities=np.arange(900))
    assert severities(given)["copies"] == "passed"
    bits, split = copied({f"u{i}": chance.random(900) < 0.03 for i in range(40)}, 30)
    assert find_copies([bits[c] for c in bits if c != "y"], sides_of(split, 900)).chance


def test_rows_without_inputs_and_exchanged_cells_are_no_copies() -> None:
    frame = pd.DataFrame({"u": [1.5, 2.5, None, None], "v": [2.5, 1.5, None, None]})
    assert find_copies([frame["u"], frame["v"]], np.array([0, 2, 0, 2])).kinds == 0
    zeros = pd.Series([0.0, -0.0, np.nan, None])
    assert len(np.unique(cell_hashes(zeros))) == 2


def test_near_copies_are_given_by_codes() -> None:
    frame = people()
    problem = Problem.of(["a", "b"], entity="patient")
    split = split_rows(frame, problem, find_entities(frame, problem))
    near = np.full(len(frame), -1)
    near[[split.train[3], split.test[5]]] = 4
    report = audit(frame, problem, split, near=near)
    assert [leak.check for leak in report.leaks] == ["near copies"]
    assert sorted(report.leaks[0].rows) == sorted(map(int, (split.train[3], split.test[5])))
    with pytest.raises(DataError, match="one code for each row"):
        audit(frame, problem, split, near=near[1:])


def test_drift_is_a_warning_where_it_is_significant_and_not_small() -> None:
    chance = np.random.default_rng(0)
    n = 6000
    sides = np.repeat([0, 1, 2], [4000, 1000, 1000])
    late = sides == 2
    frame = pd.DataFrame(
        {
            "x": chance.normal(size=n),
            "still": chance.normal(size=n),
            "moved": chance.normal(size=n) + 0.5 * late,
            "barely": chance.normal(size=n) + 0.15 * late,
            "classes": np.where(chance.random(n) < np.where(late, 0.7, 0.4), "u", "v"),
            "tags": [
                ["one", "two"] if one else ["two"] for one in chance.random(n) < np.where(late, 0.6, 0.2)
            ],
        }
    )
    report = audit(
        frame, Problem.of(["still", "moved", "barely", "classes", "tags"], inputs="x"), Split.of(sides)
    )
    assert {(d.task, d.side, d.part) for d in report.drifts if d.warns} == {
        ("moved", "test", ""),
        ("classes", "test", ""),
        ("tags", "test", "one"),
    }
    assert len(report.warnings) == 3
    assert report.leaks == []
    by = {(d.task, d.side): d for d in report.drifts}
    assert by["barely", "test"].adjusted < 0.01  # significant, and small
    assert by["moved", "test"].shift == pytest.approx(0.5, abs=0.1)
    assert any("means +0.5" in words for words in report.warnings)


def test_drift_counts_each_entity_once() -> None:
    """Forty persons of a thousand rows each differ by chance; rows alone would make that a certainty."""
    chance = np.random.default_rng(3)
    who = np.repeat(np.arange(60), 200)
    frame = pd.DataFrame({"who": who, "x": chance.normal(size=len(who)), "y": chance.normal(size=60)[who]})
    sides = np.where(who < 30, 0, 2)
    clustered = audit(frame, Problem.of("y", entity="who"), Split.of(sides))
    assert clustered.warnings == []
    assert clustered.drifts[0].counts == (30, 30)
    alone = audit(frame, Problem.of("y", inputs="x"), Split.of(sides), ordinary=["who"])
    assert alone.drifts[0].adjusted < 1e-6


def test_what_cannot_be_tested_is_said() -> None:
    chance = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": [1.5, np.inf, *chance.normal(size=298)],
            "y": chance.normal(size=300),
            "few": np.where(np.arange(300) % 20 == 0, 1.0, np.nan),
            "words": [f"free words of row {i}" for i in range(300)],
            "level": pd.array([1, None, 2] * 100, dtype="Int64"),
        }
    )
    problem = Problem.of(["y", "few", "words"], inputs={"level": "number"})
    report = audit(frame, problem, Split.of(np.arange(300) // 100))
    assert {drift.task for drift in report.drifts} == {"y"}
    assert any("drift of 'few', 'words' was not tested" in note for note in report.notes)
    with pytest.raises(DataError, match="numbers must be finite"):
        audit(frame, Problem.of("y", inputs=["x", "level"]), Split.of(np.arange(300) // 100))


def test_false_alarms_of_drift_are_held() -> None:
    alarms = 0
    for seed in range(40):
        chance = np.random.default_rng(seed)
        frame = pd.DataFrame(chance.normal(size=(300, 8)), columns=list("abcdefgh")).assign(
            x=chance.random(300)
        )
        sides = chance.integers(0, 3, 300).astype(np.int8)
        table = TaskTable(frame, Problem.of(list("abcdefgh")))
        drifts = find_drifts(table, np.arange(300), np.arange(300), sides, seed=seed)
        alarms += sum(d.warns for d in drifts)
    assert alarms <= 4


def test_measures_are_scipys() -> None:
    chance = np.random.default_rng(0)
    one, other = (
        pd.Series(chance.choice(list("abc"), n, p=p)) for n, p in ((400, None), (200, [0.6, 0.2, 0.2]))
    )
    table = pd.crosstab(np.repeat([0, 1], [400, 200]), pd.concat([one, other]).to_numpy())
    truth = chi2_contingency(table)
    p, v = measure_classes(one, other)
    assert p == pytest.approx(truth.pvalue)
    assert v == pytest.approx(np.sqrt(truth.statistic / 600))
    rare = pd.concat([one, pd.Series([f"r{i}" for i in range(40)])], ignore_index=True)
    assert measure_classes(rare, other)[0] > 0
    assert measure_classes(pd.Series(["a"] * 30), pd.Series(["a"] * 30)) == (1.0, 0.0)
    x, y = chance.normal(size=300), chance.normal(size=200) + 0.4
    p, distance, shift = measure_numbers(x, y)
    assert (distance, p) == pytest.approx(tuple(ks_2samp(x, y))[:2])
    assert shift == pytest.approx(0.4, abs=0.2)
    assert holm([0.5, 0.001, 0.02, 0.02]) == pytest.approx([0.5, 0.004, 0.06, 0.06])


def test_the_adversary_names_what_tells() -> None:
    chance = np.random.default_rng(0)
    n = 2000
    sides = np.repeat([0, 1, 2], [1200, 300, 500])
    frame = pd.DataFrame(
        {
            "same": chance.normal(size=n),
            "moved": chance.normal(size=n) + (sides == 2),
            "level": np.where(chance.random(n) < np.where(sides == 2, 0.6, 0.1), "new", "old"),
            "year": np.arange(n) // 2,
            "y": chance.normal(size=n),
        }
    )
    honest = audit(frame, Problem.of("y", ignore="year"), by_row(frame))
    assert severities(honest)["adversary"] == "passed"
    assert honest.adversary is not None
    assert honest.adversary.low < 0.5 < honest.adversary.high
    assert honest.adversary.columns == ()
    plain = audit(frame, Problem.of("y"), Split.of(sides)).adversary
    assert plain is not None
    assert plain.auc > 0.99
    assert plain.columns[0][0] == "year"
    report = audit(frame, Problem.of("y", time="year", split={"how": "time"}), Split.of(sides))
    assert report.adversary is not None
    assert {name for name, _ in report.adversary.columns} == {"moved", "level"}
    assert any("follows 'year'" in note for note in report.notes)
    assert severities(report)["adversary"] == "warning"
    few = audit(frame, Problem.of("y"), Split.of(sides), entities=np.arange(n) // 200)
    assert severities(few)["adversary"] == "not done"


def test_the_area_and_its_error_know_of_clusters() -> None:
    chance = np.random.default_rng(0)
    clusters = np.repeat(np.arange(60), 6)
    positive = clusters % 2 == 0
    scores = (chance.normal(size=60)[clusters] + 0.5 * chance.normal(size=360) + 0.6 * positive).round(1)
    auc, error = clustered_auc(scores, positive, clusters)
    assert auc == pytest.approx(roc_auc_score(positive, scores))
    draws = []
    for _ in range(400):
        taken = np.concatenate([chance.choice(np.flatnonzero(np.arange(60) % 2 == k), 30) for k in (0, 1)])
        rows = (taken[:, None] * 6 + np.arange(6)).ravel()
        draws.append(roc_auc_score(positive[rows], scores[rows]))
    assert error == pytest.approx(float(np.std(draws)), rel=0.2)
    assert clustered_auc(scores, positive, np.arange(360))[1] < 0.6 * error


def test_inputs_that_tell_a_target_are_leaks_or_warnings() -> None:
    frame = people()
    chance = np.random.default_rng(0)
    problem = Problem.of(["a", "b"], entity="patient")
    split = split_rows(frame, problem, find_entities(frame, problem))
    twin = audit(frame.assign(again=np.exp(frame["a"])), problem, split)
    assert [(leak.check, "'again' is 'a' in other words" in leak.words) for leak in twin.leaks] == [
        ("inputs", True)
    ]
    nearly = audit(frame.assign(nearly=frame["a"] + 0.05 * chance.normal(size=len(frame))), problem, split)
    assert nearly.leaks == []
    assert [w.split()[0] for w in nearly.warnings] == ["'nearly'"]
    joined = Problem.of({"both": {"kind": "multilabel", "columns": ["b", "c"]}}, entity="patient")
    frame = frame.assign(c=chance.integers(0, 2, len(frame)))
    report = audit(frame.assign(copy=frame["c"]), joined, split)
    assert [leak.words for leak in report.leaks] == ["'copy' is 'both: c' in other words (AUC 1.0000)."]


def test_what_is_no_split_is_told() -> None:
    frame, problem = people(), Problem.of("a", entity="patient")
    everyone = np.arange(len(frame))
    with pytest.raises(DataError, match=r"test: row 960 .*960 rows"):
        audit(frame, problem, Split(everyone[:9], everyone[:0], np.array([960])))
    with pytest.raises(DataError, match="test again holds row 8"):
        audit(frame, problem, Split(everyone[:9], everyone[:0], everyone[8:12]))
    with pytest.raises(DataError, match="train again holds row 2"):
        audit(frame, problem, Split(np.array([1, 2, 2]), everyone[:0], everyone[8:12]))
    with pytest.raises(DataError, match="train: 9 rows, valid: 0 rows, test: 0 rows"):
        audit(frame, problem, Split(everyone[:9], everyone[:0], everyone[:0]))
    with pytest.raises(DataError, match=r"no column 'patiant'"):
        audit(frame, problem, by_row(frame), ordinary=["patiant"])
    with pytest.raises(DataError, match="one code for each row"):
        audit(frame, problem, by_row(frame), entities=np.arange(5))


def test_many_rows_are_proven_in_seconds() -> None:
    chance = np.random.default_rng(0)
    count = 1_000_000
    entities = chance.integers(0, count // 3, count)
    frame = pd.DataFrame({f"y{i}": np.where(chance.random(count) < 0.5, np.nan, 1.0) for i in range(3)})
    table = TaskTable(frame, Problem.of(list(frame)))
    start = time.process_time()
    right = chance.integers(0, 3, count)[entities].astype(np.int8)
    assert count_overlap(table, entities, sides_of(Split.of(right), count), "").shared == 0
    wrong = chance.integers(0, 3, count).astype(np.int8)
    found = count_overlap(table, entities, wrong, "")
    assert time.process_time() - start < 3
    assert found.counts["train/test"].min() > 0
    assert find_shared(entities, right).named == ()
