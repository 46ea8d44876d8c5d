from __future__ import annotations

from umbel.families.tracing.source.read_report import ReadReport, Remark


def test_a_report_says_what_was_read_and_what_was_found() -> None:
    remarks = (Remark("duplicates", 1200, "kept", "row 3 (the first is 0)"), Remark("unsorted", 0, "none"))
    report = ReadReport(("a.csv", "b.csv"), "pykt", 5000, 4000, 30, 0, 7, remarks, ("A note.",))
    assert report.words == (
        "2 files (pykt): 5,000 rows became 4,000 steps of 30 students; no question named, 7 concepts."
    )
    section = report.section()
    assert section.text == [report.words, "A note."]
    assert section.tables[0].rows == [
        ["duplicates", "1,200", "kept", "row 3 (the first is 0)"],
        ["unsorted", "", "none", ""],
    ]
    assert (report.count("duplicates"), report.count("unsorted"), report.count("never asked")) == (1200, 0, 0)
    assert report.remark("never asked") is None
