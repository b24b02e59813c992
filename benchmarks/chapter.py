"""`make bench-chapter`: the chapter's results and this project's, one run after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console

from benchmarks import chapter_records, records
from benchmarks.chapter_goals import goals
from benchmarks.chapter_records import ChapterResults, Figures, Row
from benchmarks.chapter_run import model_figures, sweep_row, tuner_figures, tuner_row
from benchmarks.chapter_sweeps import HOUSING_VARIABLE, SWEEPS, TUNERS, Documented, housing_file
from benchmarks.chapter_table import GOALS_HEAD, HEAD, goal_rows, rows
from benchmarks.processes import RunFailedError
from benchmarks.show import Progress, table

Found = TypeVar("Found")

NAMES = (*(documented.study for documented in SWEEPS), *TUNERS)


class ChapterRuns(Progress):
    """Measures the chapter's results; what fails is reported and left out.

    Args:
        housing: the path of the California housing file; None where there is none.
        peers: also run the chapter's code.
        smoke: a quick check.
    """

    def __init__(self, housing: str | None, peers: bool, smoke: bool, console: Console) -> None:
        super().__init__(console)
        self._housing, self._peers, self._smoke = housing, peers, smoke
        self._models: dict[str, Figures | None] = {}

    def rows(self, names: tuple[str, ...]) -> Iterator[Row]:
        """Yield the rows of these names as they are measured."""
        for documented in SWEEPS:
            if documented.study in names and (row := self._sweep(documented)):
                yield row
        for search in TUNERS:
            if search in names and (row := self._tuner(search)):
                yield row

    def _sweep(self, documented: Documented) -> Row | None:
        if documented.housing and self._housing is None:
            self.leave_out(f"{documented.study}: the California housing file is not named (${HOUSING_VARIABLE})")
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
        self.say(f"{title} …")
        try:
            return run()
        except RunFailedError as failure:
            self.leave_out(f"{title}: {failure}")
            return None


def show(results: ChapterResults, console: Console) -> None:
    """Print the results and the goals."""
    for title, head, lines in (
        ("the chapter: validation / test", HEAD, rows(results)),
        ("goals", GOALS_HEAD, goal_rows(results)),
    ):
        printed = table(title, *head)
        for line in lines:
            printed.add_row(*line)
        console.print(printed)


@click.command()
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Run only these and keep the other results.")
@click.option("--peers/--no-peers", default=True, show_default=True, help="Also run the chapter's code.")
@click.option("--housing", help=f"California housing as a CSV file.  [${HOUSING_VARIABLE}]")
@click.option("--smoke", is_flag=True, help="Two trials of one epoch, no models, a few rows for tuners.")
@click.option("--output", type=click.Path(path_type=Path), help=f"[{chapter_records.FILE.name}; with --smoke: none]")
def main(only: tuple[str, ...], peers: bool, housing: str | None, smoke: bool, output: Path | None) -> None:
    """Run the chapter's documented sweeps and tuner searches, show the tables, and save them as JSON."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    output = output or (None if smoke else chapter_records.FILE)
    earlier = ChapterResults.load(output) if output else None
    rows_by_name = {row.name: row for row in earlier.rows} if earlier else {}
    runs = ChapterRuns(housing_file(housing), peers, smoke, console)
    for row in runs.rows(only or NAMES):
        if row.theirs is None and row.name in rows_by_name:  # keep the earlier measurement of the chapter's code
            row = row.model_copy(update={"theirs": rows_by_name[row.name].theirs})
        rows_by_name[row.name] = row
    ordered = tuple(rows_by_name[name] for name in NAMES if name in rows_by_name)
    results = ChapterResults(
        machine=records.this_machine(), rows=ordered, goals=goals(ordered), left_out=tuple(runs.left_out)
    )
    show(results, console)
    if output:
        results.save(output)
        console.print(f"written to {output}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
