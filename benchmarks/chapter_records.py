"""The contents of `chapter.json`."""

from __future__ import annotations

from pathlib import Path

from benchmarks.records import Goal, Machine, Record

#: written by `make bench-chapter`
FILE = Path(__file__).with_name("chapter.json")


class Figures(Record):
    """The results of one run; `validation` and `test` are accuracies, or RMSEs in 100,000 dollars.

    Attributes:
        seconds: of the process for a sweep, of import and search for a tuner, of `fit` for a model.
    """

    validation: float | None = None
    test: float | None = None
    seconds: float


class Row(Record):
    """One result of the chapter.

    Attributes:
        name: a study of `chapter_sweeps.SWEEPS`, or a search of `chapter_tuner`.
        command: the command of this project's run.
        metric: "accuracy" or "rmse".
        chapter_validation, chapter_test: as printed in the chapter.
        theirs: the chapter's code on this machine; None where it was not run.
        ours: this project; None where it was not run.
        passed_after: seconds from the start of the process to the end of the first epoch whose validation figure
            is at least the chapter's; None where that was not measured or did not happen.
    """

    name: str
    section: str
    command: str
    metric: str
    chapter_validation: float | None = None
    chapter_test: float | None = None
    theirs: Figures | None = None
    ours: Figures | None = None
    passed_after: float | None = None


class ChapterResults(Record):
    """The contents of `chapter.json`; `left_out` says what was not run, and why."""

    machine: Machine
    rows: tuple[Row, ...]
    goals: tuple[Goal, ...] = ()
    left_out: tuple[str, ...] = ()
