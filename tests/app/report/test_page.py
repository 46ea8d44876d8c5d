"""The page: whole, self-contained, escaped, readable without seeing it."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from umbel.app.report.content import Report, read_report, write_report
from umbel.app.report.page import render
from umbel.app.run import Run
from umbel.errors import DataError
from umbel.judging.section import Figure, Section, Series, TableData

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Elements, text and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def html(report: Report) -> str:
    """The page of the example."""
    return render(report)


def test_the_page_is_well_formed_and_says_all(html: str) -> None:
    page = Page(html)
    assert page.open == []
    text = "\n".join(page.texts)
    for wanted in (
        "Learn critic_rating and metacritic together with the others, certificate alone.",
        "▼ loses",
        "▲ gains",
        "● no evidence",
        "quadratic_kappa",
        "Learning curves",
        "Residual correlation",
        "Cost",
        "812,345",
        "12,230 train, 1,748 valid, 3,494 test",
        "umbel demo --seed 1",
        "by: null",
        "No entity is on two sides.",
        "gaussian_process: more than 2,000 rows",
    ):
        assert wanted in text
    headings = [text for text in page.texts if text in ("Verdicts", "Learning curves", "Cost")]
    assert headings[0] == "Verdicts"
    assert text.index("▼ loses") < text.index("Every model is scored on the same known test rows.")
    assert "Empty" not in page.texts


def test_nothing_comes_from_outside(html: str) -> None:
    page = Page(html)
    assert not page.of("script")
    assert not page.of("link")
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:image/png;base64,"))
    assert "http://" not in html
    assert "https://" not in html
    assert "@import" not in html
    assert "url(" not in html.replace("url(#", "")


def test_drawings_use_the_page_s_colours_and_unique_ids(html: str) -> None:
    assert "#0b0b" not in html
    page = Page(html)
    ids = [str(a["id"]) for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    referred = {part.split(")")[0] for part in html.split("url(#")[1:]}
    assert referred <= set(ids)
    assert "prefers-color-scheme: dark" in html


def test_pictures_have_words_and_tables_scroll_in_their_box(html: str) -> None:
    page = Page(html)
    drawings = [a for a in page.of("div") if a.get("class") == "drawing"]
    assert len(drawings) == len(page.of("svg")) > 8
    for attributes in drawings:
        assert attributes["role"] == "img"
        assert len(attributes["aria-label"] or "") > 20
    boxes = [a for a in page.of("div") if (a.get("class") or "").startswith("box")]
    assert len(boxes) == len(page.of("table"))
    assert all(a["tabindex"] == "0" and a["aria-label"] for a in boxes)
    assert page.of("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.of("meta")


def test_what_a_user_named_is_escaped(report: Report) -> None:
    evil = "<script>alert('x')</script>\"'&"
    figure = Figure("bars", evil, [Series(evil, [evil], [1.0])], x_label=evil, caption=evil)
    lines = Figure("lines", evil, [Series(evil, [1, 2], [1.0, 2.0]), Series("b", [1, 2], [0.0, 2.0])])
    heat = Figure("heat", evil, matrix=__import__("numpy").ones((2, 2)), labels=([evil, "a"], ["$x$", evil]))
    section = Section(evil, [evil], [TableData([evil], [[evil]], evil)], [figure, lines, heat])
    score = {**report.scores[0], "task": evil, "metric": evil, "model": evil}
    facts: dict[str, Any] = {"notes": [evil], "chosen": {evil: {evil: evil}}, "left_out": {evil: evil}}
    bad = Report(evil, evil + ". " + evil, [score], [section], {evil: {}}, facts, evil, evil)
    page = Page(render(bad))
    assert page.open == []
    assert not page.of("script")
    assert all(name.lower() not in ("onload", "onclick") for _, a in page.elements for name in a)


def test_many_tasks_scroll(report: Report) -> None:
    rows = [{**report.scores[0], "task": f"school {i}", "value": 0.5} for i in range(139)]
    page = Page(render(replace(report, scores=rows, sections=[], costs={})))
    assert [a for a in page.of("div") if a.get("class") == "box tall"]


def test_an_empty_report_is_a_page(report: Report) -> None:
    page = Page(render(Report("nothing")))
    assert page.open == []
    assert not page.of("table")


def test_the_log_keeps_all_that_the_page_shows(tmp_path: Any, report: Report, html: str) -> None:
    run = Run(tmp_path)
    run.start(report.config, report.command)
    write_report(run, report)
    back = read_report(run)
    assert (back.title, back.recommendation, back.facts) == (
        report.title,
        report.recommendation,
        report.facts,
    )
    assert render(replace(back, scores=report.scores)) == html


def test_a_run_that_has_not_ended_has_no_page(tmp_path: Any) -> None:
    with pytest.raises(DataError, match="run that has ended"):
        read_report(Run(tmp_path))
    Run(tmp_path).start("", "")
    with pytest.raises(DataError, match="has no result"):
        read_report(Run(tmp_path))
