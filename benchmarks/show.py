"""The results as tables on a terminal."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.goals import goals as all_goals
from benchmarks.goals import over_floor, ratio, runs_of
from benchmarks.records import Breakdown, Goal, Results, Run, Scale, Speed, Sweeps, this_machine
from benchmarks.ways import WAYS


class Progress:
    """Prints messages as they come, and collects those about what was left out.

    Attributes:
        left_out: what was left out, and why.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self.left_out: list[str] = []

    def leave_out(self, line: str) -> None:
        self.left_out.append(line)
        self.say(line)

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def speed(results: Speed, console: Console) -> None:
    """Print seconds and accuracies by way, the lower bound, and the parts of a trial's time."""
    console.print(f"\n{results.dataset}; {len(results.configurations)} configurations", highlight=False)
    epochs = sorted({run.epochs for run in results.runs})
    for each in epochs:
        console.print(_seconds(results, each))
    if epochs:
        console.print(_accuracies(results, epochs[-1]))
    for each in epochs:
        if (run := _last_with_breakdown(results, each)) is not None and run.breakdown is not None:
            console.print(_time(run.breakdown, f"seconds a trial in a worker, {each} epochs"))
            around = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in run.extras.items())
            console.print(f"once a sweep: {around}", highlight=False)
        if results.floor is not None and (over := over_floor(results, each)) is not None:
            console.print(
                f"matrix products of {each} epochs: {results.floor.epoch * each:.3f} s a trial on one core "
                f"({results.floor.blas}; {results.floor.busy:.2f} times as long with all cores busy); "
                f"training and validation take {over:.2f} times that",
                highlight=False,
            )
    for line in results.left_out:
        console.print(f"left out: {line}", highlight=False, markup=False)


def scale(results: Scale, console: Console) -> None:
    """Print overhead, memory, and trials an hour."""
    lines = table("as a study grows", "figure", "measured")
    for number, seconds in sorted(results.overhead.items()):
        lines.add_row(f"seconds of a trial beside training, at trial {number:,}", f"{seconds:.3f}")
    for trials, size in sorted(results.memory.items()):
        lines.add_row(f"a worker's memory after {trials} trials", f"{size / 2**20:.0f} MiB")
    for slots, rates in sorted(results.trials_an_hour.items()):
        lines.add_row(f"trials an hour, {slots} slots", spread(rates, "{:.0f}"))
    console.print(lines)


def figures(title: str, measured: Mapping[str, float], console: Console) -> None:
    """Print the figures of one measurement."""
    lines = table(title, "figure", "measured")
    for name, value in measured.items():
        lines.add_row(name, f"{value:,.4g}")
    console.print(lines)


def save(console: Console, output: Path | None, **measured: Speed | Scale | Mapping[str, Sweeps]) -> None:
    """Print the goals, and save the results together with those that are in `output` already.

    Args:
        output: the results file; None: nothing is saved.
        measured: the new parts of `Results`: `speed`, `scale` or `sweeps`.
    """
    earlier = Results.load(output) if output else None
    results = (earlier or Results(machine=this_machine())).model_copy(update={"machine": this_machine(), **measured})
    results = results.model_copy(update={"goals": all_goals(results)})
    goals(results.goals, console)
    if output:
        results.save(output)
        console.print(f"written to {output}", highlight=False, soft_wrap=True)


def goals(entries: Sequence[Goal], console: Console) -> None:
    """Print each goal with the measured figure, and by how much it was missed."""
    lines = table("goals", "figure", "goal", "measured", "")
    for goal in entries:
        lines.add_row(goal.figure, wanted(goal), measured(goal), verdict(goal))
    console.print(lines)


def wanted(goal: Goal) -> str:
    """The goal as text: `≥ 15`."""
    return f"{'≥' if goal.at_least else '≤'} {goal.wanted:g}"


def measured(goal: Goal) -> str:
    """The measured figure with three digits; a dash where there is none."""
    return "-" if goal.measured is None else f"{goal.measured:.3g}"


def verdict(goal: Goal) -> str:
    """`met`, `missed by 12 %` (of the goal), or `not measured`."""
    if goal.met is None:
        return "not measured"
    return "met" if goal.met else f"missed by {goal.missed_by:.0%}"


def spread(values: Sequence[float], form: str) -> str:
    """The median, with the range of several values: `1.43 (1.41-1.50)`."""
    text = form.format(statistics.median(values))
    return text if len(values) < 2 else f"{text} ({form.format(min(values))}-{form.format(max(values))})"


def mean_accuracy(runs: Sequence[Run]) -> float | None:
    """The mean accuracy over the configurations of all repetitions; None where one is missing."""
    values = [accuracy for run in runs for accuracy in run.accuracies]
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known and len(known) == len(values) else None


def _seconds(results: Speed, epochs: int) -> Table:
    columns = ("way", "seconds a trial", "÷ this", "process, s", "mean val_accuracy", "runs")
    lines = table(f"{epochs} epochs a trial", *columns)
    for name, way in WAYS.items():
        runs = runs_of(results, name, epochs)
        if not runs:
            lines.add_row(way.title, *["-"] * 5)
            continue
        factor, accuracy = ratio(results, name, epochs), mean_accuracy(runs)
        lines.add_row(
            way.title,
            spread([run.per_trial for run in runs], "{:.2f}"),
            "-" if factor is None else f"{factor:.1f}",
            spread([run.wall_seconds for run in runs], "{:.0f}"),
            "-" if accuracy is None else f"{accuracy:.4f}",
            str(len(runs)),
        )
    return lines


def _accuracies(results: Speed, epochs: int) -> Table:
    last = {name: runs[-1] for name in WAYS if (runs := runs_of(results, name, epochs))}
    titles = [WAYS[name].title for name in last]
    lines = table(f"best val_accuracy of {epochs} epochs, by configuration", "configuration", *titles)
    for number, configuration in enumerate(results.configurations):
        values = [run.accuracies[number] for run in last.values()]
        lines.add_row(configuration, *("-" if value is None else f"{value:.4f}" for value in values))
    return lines


def _time(breakdown: Breakdown, title: str) -> Table:
    lines = table(title, "part", "seconds", "share")
    named = sum(breakdown.phases.values())
    parts = {**breakdown.phases, "the rest": breakdown.trial - named, "a trial": breakdown.trial}
    calls = dict(sorted(breakdown.calls.items(), key=lambda call: -call[1])[:8])
    calls["MLflow and Optuna together"] = sum(breakdown.calls.values())
    for name, seconds in parts.items():
        lines.add_row(name, f"{seconds:.4f}", f"{seconds / breakdown.trial:.1%}")
    lines.add_section()
    for name, seconds in calls.items():
        lines.add_row(name, f"{seconds:.4f}", f"{seconds / breakdown.trial:.1%}")
    return lines


def _last_with_breakdown(results: Speed, epochs: int) -> Run | None:
    runs = [run for run in runs_of(results, "this", epochs) if run.breakdown]
    return runs[-1] if runs else None


def table(title: str, *columns: str) -> Table:
    """An empty table; all columns but the first are aligned to the right."""
    lines = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim")
    for number, column in enumerate(columns):
        lines.add_column(column, justify="right" if number else "left", overflow="fold")
    return lines
