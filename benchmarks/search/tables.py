"""The tables of the searches: `python -m benchmarks.search.tables` writes them into docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean, stdev

import click
from rich.console import Console

from benchmarks.records import Goal
from benchmarks.search import records
from benchmarks.search.methods import METHODS, REFERENCE
from benchmarks.search.records import BUDGETS, COSTS, Results, Score
from benchmarks.show import goals as show_goals
from benchmarks.show import measured, table, verdict, wanted
from benchmarks.table import markdown, page_command

#: what is judged on -> the marker of its block of the page, and the costs that the block shows
BLOCKS = {
    "lcbench": ("bench-search", COSTS),
    "own": ("bench-search-own", ("seconds", "epochs")),
    "tables": ("bench-search-tables", ("trials", "seconds")),
}

#: the proposed default; chosen by what the first, third, fifth, … tasks have shown
PROPOSED = "portfolio-4-median"
#: the default of `sweeps run` for a registered space
SHIPPED = "portfolio-8-median"
_AT, _ALL = 20, 34

_UNITS = {"epochs": "equal epochs", "trials": "equal trials", "seconds": "equal seconds"}


def goals(scores: Sequence[Score]) -> tuple[Goal, ...]:
    """The goals for the proposed default on all tasks, measured or not."""
    by_name = {score.method: score for score in scores}
    best, reference = by_name.get(PROPOSED), by_name.get(REFERENCE)
    regrets = best.of("epochs", "accuracy", _AT) if best is not None else ()
    whole = len(regrets) == _ALL
    wins = wins_of(best, reference) if best and reference and whole else None
    figures = (
        (f"regret at {_AT} full trials' worth of epochs: {METHODS[PROPOSED].title}", 0.05, False, regrets),
        ("the same on the half of the tasks on which nothing was chosen", 0.05, False, regrets[1::2]),
    )
    return (
        *(
            Goal(figure=figure, wanted=wanted, at_least=at_least, measured=mean(values) if whole else None)
            for figure, wanted, at_least, values in figures
        ),
        Goal(figure=f"tasks of {_ALL} on which it is better than {REFERENCE}", wanted=30, at_least=True, measured=wins),
    )


def own_goals(scores: Sequence[Score], of: int) -> tuple[Goal, ...]:
    """The goals for the default on this project's own space: `of` data sets and draws of their noise."""
    by_name = {score.method: score for score in scores}
    best = by_name.get(SHIPPED)
    others = {name: by_name.get(name) for name in ("keras-tuner-bayesian", "optuna")}
    return tuple(
        Goal(
            figure=f"of {of} data sets and draws, better by test at equal seconds than {METHODS[name].title}",
            wanted=0.8 * of,
            at_least=True,
            measured=None if best is None or other is None else wins_of(best, other, "seconds", "test"),
        )
        for name, other in others.items()
    )


def wins_of(score: Score, other: Score, cost: str = "epochs", figure: str = "accuracy") -> int:
    """On how many tasks it has the lower regret."""
    pairs = zip(score.of(cost, figure, _AT), other.of(cost, figure, _AT), strict=True)
    return sum(one < two for one, two in pairs)


def spread(values: Sequence[float]) -> str:
    """The mean with its standard error: `0.21 ± 0.03`."""
    error = f" ± {stdev(values) / len(values) ** 0.5:.2f}" if len(values) > 1 else ""
    return f"{mean(values):.2f}{error}"


def head(results: Results, cost: str) -> list[str]:
    """The columns of the table of one cost."""
    rest = [f"better than {REFERENCE} at {_AT}"] if cost == "epochs" else []
    rest += [f"test at {_AT}"] if rest and results.judged_by != "test" else []
    return [_UNITS[cost], *map(str, results.budgets), *rest]


def rows(results: Results, cost: str) -> list[list[str]]:
    """A line for each method."""
    reference = next((score for score in results.scores if score.method == REFERENCE), None)
    return [list(_row(score, reference, cost, results)) for score in results.scores]


def _row(score: Score, reference: Score | None, cost: str, results: Results) -> Iterable[str]:
    figure = results.judged_by
    yield METHODS[score.method].title
    yield from (spread(score.of(cost, figure, budget)) for budget in results.budgets)
    if cost == "epochs":
        of = len(score.of(cost, figure, _AT))
        yield "-" if reference in (None, score) else f"{wins_of(score, reference, cost, figure)} of {of}"
        if figure != "test":
            yield spread(score.of(cost, "test", _AT))


def show(results: Results, console: Console) -> None:
    """Print the tables, the goals, and what was left out."""
    for cost in COSTS:
        lines = table(
            f"regret at {', '.join(map(str, results.budgets))} full trials' worth, {_UNITS[cost]}", *head(results, cost)
        )
        for row in rows(results, cost):
            lines.add_row(*row)
        console.print(lines)
    show_goals(results.goals, console)
    for line in results.left_out:
        console.print(f"left out: {line}", highlight=False, markup=False)


def block(results: Results) -> str:
    """The text between the markers of the page."""
    seeds = max(score.seeds for score in results.scores)
    one_seed = ", ".join(METHODS[score.method].title for score in results.scores if score.seeds < seeds)
    fewer = f" ({one_seed}: 1)" if one_seed else ""
    title = (
        f"{results.judged_on}, {len(results.tasks)} tasks, seeds a task: {seeds}{fewer}; "
        "mean over the tasks ± its standard error. "
        f"By test, the configuration with the best validation accuracy has a regret of {results.floor:.2f}."
    )
    tables = [markdown(head(results, cost), rows(results, cost)) for cost in BLOCKS[results.on][1]]
    lines = [[goal.figure, wanted(goal), measured(goal), verdict(goal)] for goal in results.goals]
    versions = ", ".join(f"{name} {version}" for name, version in results.machine.versions.items())
    where = (
        f"{versions}. `make bench-search ARGS={_argument(results)}` measures this again, "
        "`python -m benchmarks.search.tables` writes it here."
    )
    left_out = [f"Left out: {line}." for line in results.left_out]
    goals = [markdown(["figure", "goal", "measured", ""], lines)] if lines else []
    return "\n\n".join([title, *tables, *left_out, *goals, where])


def _argument(results: Results) -> str:
    seeds = max(score.seeds for score in results.scores)
    on = [f"--on {results.on}"] if results.on != "lcbench" else []
    until = [f"--until {results.budgets[-1]}"] if results.budgets != BUDGETS else []
    return f'"{" ".join([*on, "--full", f"--seeds {seeds}", *until])}"'


def command_of(on: str) -> click.Command:
    """The command that writes the block of what was judged on that."""
    page, (marker, _) = records.FILES[on].parents[2] / "docs/benchmarks.md", BLOCKS[on]
    return page_command(Results.load, block, records.FILES[on], page, "make bench-search", marker)


if __name__ == "__main__":
    for judged_on in BLOCKS:
        if records.FILES[judged_on].exists():
            command_of(judged_on)(standalone_mode=False)
