from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from umbel.errors import DataError
from umbel.families.tracing.source.read import read_log

LOG = pd.DataFrame(
    {"student": list("aabbb"), "question": [1, 2, 2, 3, None], "skill": "x", "correct": [1, 0, 1, 0, 1]}
)
ABOUT = pd.DataFrame(
    {"item": [2.0, 3.0, 9.0], "level": ["easy", "hard", "hard"], "words": ["p q", "r", None]}
)


def test_attributes_stand_beside_the_log_and_the_report_says_what_does_not_fit(tmp_path: Path) -> None:
    ABOUT.to_csv(tmp_path / "about.csv", index=False)
    found = read_log(LOG, about=tmp_path / "about.csv", about_question="item")
    about = found.log.about
    assert about is not None
    assert about.index.tolist() == ["2", "3", "9"]
    assert about.columns.tolist() == ["level", "words"]
    assert about.attrs["folder"] == str(tmp_path)
    without = found.report.remark("questions without attributes")
    others = found.report.remark("attributes of other questions")
    assert without is not None
    assert others is not None
    assert (without.count, without.where) == (1, "'1'")
    assert (others.count, others.where) == (1, "'9'")
    assert read_log(LOG).report.remark("questions without attributes") is None


def test_it_is_carried_along() -> None:
    log = read_log(LOG, about=ABOUT, about_question="item").log
    for part in (log.take([1]), log.first(1), log.answered(np.ones(5))):
        assert part.about is log.about


def test_rows_that_name_no_question_or_one_twice_are_named() -> None:
    with pytest.raises(DataError, match=r"'3': rows 1, 3"):
        read_log(LOG, about=pd.concat([ABOUT, ABOUT.iloc[[1]]]), about_question="item")
    with pytest.raises(DataError, match="'item' is empty in row 1"):
        read_log(LOG, about=ABOUT.assign(item=[2, None, 9]), about_question="item")


def test_what_has_nothing_to_do_with_the_log_is_refused() -> None:
    with pytest.raises(DataError, match="no column 'question'"):
        read_log(LOG, about=ABOUT)
    with pytest.raises(DataError, match="'item' is the only column"):
        read_log(LOG, about=ABOUT[["item"]], about_question="item")
    with pytest.raises(DataError, match=r"none of '7', '8', '9'.*\n?.*'1', '2', '3'"):
        read_log(LOG, about=ABOUT.assign(item=[7, 8, 9]), about_question="item")
    with pytest.raises(DataError, match="a log that names no question"):
        read_log(LOG.drop(columns="question"), about=ABOUT, about_question="item")
