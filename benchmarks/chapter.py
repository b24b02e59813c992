"""`make bench-chapter`: the chapter's own results beside this project's, one run after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.table import Table

from benchmarks import chapter_records, records
from benchmarks.chapter_goals import goals
from benchmarks.chapter_records import ChapterResults, Figures, Row
from benchmarks.chapter_run import FailedError, model_figures, sweep_row, tuner_figures, tuner_row
from benchmarks.chapter_sweeps import HOUSING_VARIABLE, SWEEPS, TUNERS, Documented, housing_file
from benchmarks.chapter_table import GOALS_HEAD, HEAD, goal_rows, rows

Found = TypeVar("Found")

NAMES = (*(documented.study for documented in SWEEPS), *TUNERS)


class Course:
    """Goes through the chapter's results; what fails is told and left out.

    Args:
        housing: the path of the California housing file; None where there is none.
        peers: whether the chapter's own code runs too.
    """

    def __init__(self, housing: str | None, peers: bool, smoke: bool, console: Console) -> None:
        self._housing, self._peers, self._smoke, self._console = housing, peers, smoke, console
        self._models: dict[str, Figures | None] = {}
        self.left_out: list[str] = []

    def rows(self, names: tuple[str, ...]) -> Iterator[Row]:
        """The rows of those names, each as soon as it is measured."""
        for documented in SWEEPS:
            if documented.study in names and (row := self._sweep(documented)):
                yield row
        for search in TUNERS:
            if search in names and (row := self._tuner(search)):
                yield row

    def _sweep(self, documented: Documented) -> Row | None:
        if documented.housing and self._housing is None:
            self._leave_out(f"{documented.study}: the California housing file is not named (${HOUSING_VARIABLE})")
            return None
        housing = self._housing or ""
        row = self._try(documented.study, lambda: sweep_row(documented, housing, self._smoke))
        if row is None or not self._peers or self._smoke:
            return row
        if documented.model not in self._models:
            title = f"the chapter's model {documented.model!r}"
            self._models[documented.model] = self._try(title, lambda: model_figures(documented, housing))
        return row.model_copy(update={"theirs": self._models[documented.model]})

    def _tuner(self, search: str) -> Row | None:
        ours = self._try(f"{search} search", lambda: tuner_figures("sweeps.tuner", search, self._smoke))
        if ours is None:
            return None
        theirs = None
        if self._peers:
            title = f"{search} search by KerasTuner"
            theirs = self._try(title, lambda: tuner_figures("keras_tuner", search, self._smoke))
        return tuner_row(search, ours, theirs)

    def _try(self, title: str, run: Callable[[], Found]) -> Found | None:
        self._say(f"{title} …")
        try:
            return run()
        except FailedError as failure:
            self._leave_out(f"{title}: {failure}")
            return None

    def _leave_out(self, line: str) -> None:
        self.left_out.append(line)
        self._say(line)

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def show(results: ChapterResults, console: Console) -> None:
    """The results and the goals as tables."""
    for title, head, lines in (
        ("the chapter: validation / test", HEAD, rows(results)),
        ("goals", GOALS_HEAD, goal_rows(results)),
    ):
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim")
        for number, column in enumerate(head):
            table.add_column(column, justify="right" if number else "left", overflow="fold")
        for line in lines:
            table.add_row(*line)
        console.print(table)


@click.command()
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="These alone; the others' results are kept.")
@click.option("--peers/--no-peers", default=True, show_default=True, help="The chapter's own code runs too.")
@click.option("--housing", help=f"California housing as a CSV file.  [${HOUSING_VARIABLE}]")
@click.option("--smoke", is_flag=True, help="Two trials of one epoch, no models, a few rows for tuners.")
@click.option("--output", type=click.Path(path_type=Path), help=f"[{chapter_records.FILE.name}; with --smoke: none]")
def main(only: tuple[str, ...], peers: bool, housing: str | None, smoke: bool, output: Path | None) -> None:
    """Run the chapter's documented sweeps and tuner searches, show the table, and keep it as JSON."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    output = output or (None if smoke else chapter_records.FILE)
    earlier = chapter_records.load(output) if output else None
    found = {row.name: row for row in earlier.rows} if earlier else {}
    course = Course(housing_file(housing), peers, smoke, console)
    for row in course.rows(only or NAMES):
        if row.theirs is None and row.name in found:  # a measured peer is not forgotten
            row = row.model_copy(update={"theirs": found[row.name].theirs})
        found[row.name] = row
    ordered = tuple(found[name] for name in NAMES if name in found)
    results = ChapterResults(
        machine=records.this_machine(), rows=ordered, goals=goals(ordered), left_out=tuple(course.left_out)
    )
    show(results, console)
    if output:
        chapter_records.save(results, output)
        console.print(f"written to {output}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
