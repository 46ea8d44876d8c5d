from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from umbel.errors import DataError
from umbel.families.tracing.source.attributes import EACH, MOST, Attributes
from umbel.families.tracing.source.log import AnswerLog, Concepts

WORDS = [f"{a}{b}" for a in "klmnprst" for b in ("ama", "ebo", "ilu", "oti", "une")]


def log_of(questions: tuple[str, ...], about: pd.DataFrame | None) -> AnswerLog:
    """Each question once, then one without a name."""
    count = len(questions) + 1
    asked = np.append(np.arange(count - 1), -1)
    zeros = np.zeros(count, dtype=np.int64)
    return AnswerLog(
        ("s",),
        questions,
        (),
        np.array([0, count]),
        asked,
        zeros,
        Concepts.of([()]),
        np.ones(count),
        about=about,
    )


def made(count: int = 60) -> tuple[AnswerLog, tuple[str, ...]]:
    """Questions with a number, a category, a set, a text, and two columns that tell nothing."""
    chance = np.random.default_rng(0)
    names = tuple(f"q{i:03}" for i in range(count))
    about = pd.DataFrame(
        {
            "length": chance.normal(50, 10, count),
            "form": chance.choice(["choice", "open", "gap"], count),
            "tags": [sorted(set(chance.choice(["x", "y", "z"], 2))) for _ in range(count)],
            "words": [" ".join(chance.choice(WORDS, 9)) for _ in range(count)],
            "version": "a",
            "key_id": [f"{i:07x}" for i in chance.permutation(count)],
        },
        index=pd.Index(names, dtype=object),
    )
    about.loc[names[7], "length"] = np.nan
    return log_of(names, about), names


def test_all_types_of_columns_become_few_centred_numbers() -> None:
    log, names = made()
    found = Attributes.of(log, names)
    assert found.words["inputs"] == {"length": "number", "form": "category", "tags": "set", "words": "text"}
    assert set(found.left_out) == {"version", "key_id"}
    # a number and whether it is missing, three levels and the rest, three tags, and the words
    assert found.width == 2 + 4 + 3 + len(names) // EACH
    assert not found.known[0].any()
    np.testing.assert_allclose(found.known[1:].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found.known[1:, 9:].std(axis=0), 1, rtol=1e-5)
    assert log.about is not None
    length = log.about["length"].fillna(log.about["length"].mean())
    assert np.corrcoef(found.known[1:, 0], length)[0, 1] > 0.999


def test_words_become_at_most_32_numbers() -> None:
    log, names = made(200)
    assert log.about is not None
    found = Attributes.of(replace(log, about=log.about[["words"]]), names)
    assert found.width == MOST
    again = Attributes.of(replace(log, about=log.about[["words"]]), names)
    assert np.array_equal(found.known, again.known)


def test_nothing_of_other_questions_is_fitted() -> None:
    log, names = made()
    assert log.about is not None
    some = names[:40]
    first = Attributes.of(log, some)
    other = log.about.copy()
    other.loc[list(names[40:]), ["length", "words"]] = [1e6, "strange"]
    second = Attributes.of(replace(log, about=other), some)
    assert np.array_equal(first.known, second.known)
    table, _ = second(replace(log, about=other), np.append(np.arange(1, 41), np.zeros(21, dtype=np.int64)))
    assert np.abs(table).max() < 100  # a number is held within the range of training


def test_each_step_has_the_row_of_its_question() -> None:
    log, names = made()
    some = names[:40]
    found = Attributes.of(log, some)
    numbers = np.append(np.arange(1, 41), np.zeros(21, dtype=np.int64))  # the last has no name
    table, row = found(log, numbers)
    own = table[row]
    assert np.array_equal(own[:40], found.known[1:])
    assert not own[60].any()
    assert np.abs(own[40:60]).max(axis=1).min() > 0
    whole = Attributes(names, found.known, found.design, found.parts)
    again, place = whole(log, np.zeros(61, dtype=np.int64))
    np.testing.assert_allclose(again[place][:60], own[:60], atol=1e-6)  # fitted and transformed alike
    assert log.about is not None
    lacking = replace(log, about=log.about.drop(index=["q041", "q003"]))
    table, row = found(lacking, numbers)
    assert not table[row][41].any()  # never seen, and without a row: a mean question
    np.testing.assert_allclose(np.delete(table[row], 41, axis=0), np.delete(own, 41, axis=0), atol=1e-6)
    assert not found(replace(log, about=None), numbers)[0][0].any()


def test_a_training_question_without_a_row_is_a_mean_one() -> None:
    log, names = made()
    assert log.about is not None
    found = Attributes.of(replace(log, about=log.about.drop(index=["q005"])), names)
    assert not found.known[6].any()
    assert found.known[5].any()


def test_it_is_made_again_from_its_state() -> None:
    log, names = made()
    found = Attributes.of(log, names[:40])
    again = Attributes.from_state(found.state, names[:40])
    numbers = np.append(np.arange(1, 41), np.zeros(21, dtype=np.int64))
    for mine, theirs in zip(found(log, numbers), again(log, numbers), strict=True):
        assert np.array_equal(mine, theirs)
    assert again.words == found.words


def test_what_tells_nothing_is_refused() -> None:
    log, names = made()
    assert log.about is not None
    with pytest.raises(DataError, match="'version': all known cells are the same"):
        Attributes.of(replace(log, about=log.about[["version", "key_id"]]), names)
    with pytest.raises(DataError, match="none of them has a row"):
        Attributes.of(log, ("other",))
    letters = np.random.default_rng(0).choice(list("abcdefghijklmnopqrstuvwxyz"), (60, 3, 9))
    rare = pd.DataFrame({"words": [" ".join(map("".join, one)) for one in letters]}, index=log.about.index)
    with pytest.raises(DataError, match="words and names that come too seldom"):
        Attributes.of(replace(log, about=rare), names)
    found = Attributes.of(log, names)
    with pytest.raises(DataError, match="no column 'length'"):
        found(
            replace(log, about=log.about.rename(columns={"length": "lengths"})), np.zeros(61, dtype=np.int64)
        )
