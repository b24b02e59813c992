"""The table of `chapter.json` in the tour: `python -m benchmarks.chapter_table` writes it between its markers."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from benchmarks import chapter_records
from benchmarks.chapter_records import ChapterResults, Figures, Row
from benchmarks.records import Goal
from benchmarks.show import verdict, wanted
from benchmarks.table import markdown, replaced

HEAD = ["", "chapter, printed", "chapter's code here", "seconds", "ours", "seconds"]
GOALS_HEAD = ["figure", "goal", "measured", ""]


def rows(results: ChapterResults) -> list[list[str]]:
    """A line for each result: the figures as `validation / test`."""
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
    """A line for each goal."""
    return [[goal.figure, wanted(goal), _measured(goal), verdict(goal)] for goal in results.goals]


def block(results: ChapterResults) -> str:
    """What stands between the markers."""
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
    """When it had passed the chapter, where that was asked."""
    return "" if row.passed_after is None else f" ({row.passed_after:.0f} to pass the chapter)"


def _measured(goal: Goal) -> str:
    """Four digits, which tell accuracies apart; a dash where there is none."""
    return "-" if goal.measured is None else f"{goal.measured:.4g}"


@click.command()
@click.option("--results", type=click.Path(path_type=Path), default=chapter_records.FILE)
@click.option("--page", type=click.Path(path_type=Path), default=chapter_records.FILE.parents[1] / "docs/chapter.md")
def main(results: Path, page: Path) -> None:
    """Write the table of the last results into the tour."""
    found = chapter_records.load(results)
    if found is None:
        click.echo(f"chapter_table: there are no results at {str(results)!r}; run: make bench-chapter", err=True)
        sys.exit(2)
    try:
        text = replaced(page.read_text(encoding="utf-8"), block(found))
    except (OSError, ValueError) as error:
        click.echo(f"chapter_table: {page.name}: {getattr(error, 'strerror', None) or error}", err=True)
        sys.exit(2)
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
