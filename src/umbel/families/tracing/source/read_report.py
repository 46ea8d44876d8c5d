"""What was found while a log was read: counted, named, and said what was done about it."""

from __future__ import annotations

from dataclasses import dataclass

from umbel.judging.section import Section, TableData

__all__ = ["ReadReport", "Remark"]


@dataclass(frozen=True)
class Remark:
    """One thing that was looked for.

    :param check: its name.
    :param count: rows (or students) it was found in; 0 for none.
    :param words: what was done about it.
    :param where: the first of them, as the user finds them in the files.
    """

    check: str
    count: int
    words: str
    where: str = ""


@dataclass(frozen=True)
class ReadReport:
    """How files became a log.

    :param files: their names.
    :param format: how they were read.
    :param rows: rows in the files.
    :param steps: steps of the log.
    :param students: of the log.
    :param questions: of the log; 0 where it names none.
    :param concepts: of the log.
    :param remarks: all that was looked for.
    :param notes: further sentences.
    """

    files: tuple[str, ...]
    format: str
    rows: int
    steps: int
    students: int
    questions: int
    concepts: int
    remarks: tuple[Remark, ...] = ()
    notes: tuple[str, ...] = ()

    def count(self, check: str) -> int:
        """In how many rows (or students) something was found; 0 where it was not looked for.

        >>> remarks = (Remark("unsorted", 2, "sorted by time"),)
        >>> ReadReport(("a.csv",), "table", 3, 3, 1, 2, 1, remarks).count("unsorted")
        2
        """
        return sum(remark.count for remark in self.remarks if remark.check == check)

    def remark(self, check: str) -> Remark | None:
        """What was found of one kind; None where it was not looked for."""
        return next((remark for remark in self.remarks if remark.check == check), None)

    @property
    def words(self) -> str:
        """One sentence."""
        files = self.files[0] if len(self.files) == 1 else f"{len(self.files):,} files"
        questions = f"{self.questions:,} questions" if self.questions else "no question named"
        return (
            f"{files} ({self.format}): {self.rows:,} rows became {self.steps:,} steps of {self.students:,} "
            f"students; {questions}, {self.concepts:,} concepts."
        )

    def section(self) -> Section:
        """All of it for a report."""
        rows = [[r.check, f"{r.count:,}" if r.count else "", r.words, r.where] for r in self.remarks]
        table = TableData(
            ["what", "how many", "what was done", "first of them"],
            rows,
            "What was looked for in the rows; an empty count is none.",
        )
        return Section("The log", [self.words, *self.notes], [table])
