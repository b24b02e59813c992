"""The table of `chapter.json`: `python -m benchmarks.chapter_table` writes it into docs/chapter.md."""

from __future__ import annotations

from benchmarks import chapter_records
from benchmarks.chapter_records import ChapterResults, Figures, Row
from benchmarks.records import Goal
from benchmarks.show import verdict, wanted
from benchmarks.table import markdown, page_command

HEAD = ["", "chapter, printed", "chapter's code here", "seconds", "ours", "seconds"]
GOALS_HEAD = ["figure", "goal", "measured", ""]


def rows(results: ChapterResults) -> list[list[str]]:
    """A row for each result, with figures as `validation / test`."""
    return [
        [
            row.section,
            _pair(row.chapter_validation, row.chapter_test),
            _figures(row.theirs),
            _seconds(row.theirs),
            _figures(row.ours),
            _seconds(row.ours) + _passed(row),
        ]
        for row in results.rows
    ]


def goal_rows(results: ChapterResults) -> list[list[str]]:
    """A row for each goal."""
    return [[goal.figure, wanted(goal), _measured(goal), verdict(goal)] for goal in results.goals]


def block(results: ChapterResults) -> str:
    """The text between the markers."""
    machine = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    commands = "\n".join(row.command for row in results.rows)
    where = f"{machine.cores} cores of {machine.cpu}; {versions}."
    title = (
        "Validation / test: accuracy, or RMSE in 100,000 dollars. Seconds of the search, or of the one training. "
        "Validation is the best epoch's here, the last one's in the chapter's own code."
    )
    reason = "<!-- not run: minutes each; make bench-chapter runs them -->"
    ours = f"Commands of our results:\n\n{reason}\n```sh\n{commands}\n```"
    parts = [title, markdown(HEAD, rows(results)), ours]
    return "\n\n".join([*parts, markdown(GOALS_HEAD, goal_rows(results)), where])


def _figures(figures: Figures | None) -> str:
    return "-" if figures is None else _pair(figures.validation, figures.test)


def _pair(validation: float | None, test: float | None) -> str:
    return " / ".join("-" if value is None else f"{value:.4f}" for value in (validation, test))


def _seconds(figures: Figures | None) -> str:
    return "-" if figures is None else f"{figures.seconds:.0f}"


def _passed(row: Row) -> str:
    """The time until the chapter's figure was reached, if that was measured."""
    return "" if row.passed_after is None else f" ({row.passed_after:.0f} to pass the chapter)"


def _measured(goal: Goal) -> str:
    """Four digits, as accuracies differ in the fourth; a dash where there is no figure."""
    return "-" if goal.measured is None else f"{goal.measured:.4g}"


_PAGE = chapter_records.FILE.parents[1] / "docs/chapter.md"

main = page_command(ChapterResults.load, block, chapter_records.FILE, _PAGE, "make bench-chapter")


if __name__ == "__main__":
    main()
