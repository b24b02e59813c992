"""`make bench`: the same configurations by this project and by its peers, one run after the other."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from dask.system import CPU_COUNT
from rich.console import Console

from benchmarks import floor, records, show
from benchmarks.configurations import CONFIGURATIONS, label
from benchmarks.data import NAME, fashion_mnist, some_rows
from benchmarks.goals import goals
from benchmarks.processes import RunFailedError, run
from benchmarks.records import Job, Results, Run, Speed
from benchmarks.ways import WAYS
from sweeps.errors import SweepError

CLOCK = """\
Every run is a process of its own. The clock starts after imports, with the data in memory, and stops when
the search is over. This project: from the check of data and space to the closed record; its workers are up
and warm, its MLflow database is there. KerasTuner: `search`. Tutorial way: `study.optimize`, its MLflow
database is there. Ray Tune: `Tuner.fit`, less the imports of TensorFlow in its actors. `process` is
everything, imports and data too."""

_FORTH = tuple(WAYS)
#: first what a goal is about: were the time to end, the others would lack
_LONG = ("keras_tuner", "this", "ray_tune", "tutorial")


@dataclass(frozen=True)
class Plan:
    """Rounds of (epochs, ways in order), the first ones first while there is time.

    Attributes:
        rows: of training and validation; None for all.
    """

    rounds: tuple[tuple[int, tuple[str, ...]], ...]
    configurations: int = len(CONFIGURATIONS)
    rows: tuple[int, int] | None = None


FULL = Plan(((3, _FORTH), (10, _LONG), (3, _FORTH[::-1]), (10, _LONG[::-1]), (3, _FORTH), (10, _LONG)))
SMOKE = Plan(((1, _FORTH),), configurations=2, rows=(640, 160))


class Schedule:
    """Goes through a plan's rounds, and leaves out what would not end in time.

    Args:
        seconds: for all runs together.
    """

    def __init__(self, job: Job, seconds: float, console: Console) -> None:
        self._job, self._console = job, console
        self._deadline = time.monotonic() + seconds
        self.runs: list[Run] = []
        self.left_out: list[str] = []

    def round(self, epochs: int, ways: Sequence[str]) -> None:
        """Each of the ways once."""
        for way in ways:
            title = f"{WAYS[way].title}, {epochs} epochs"
            if not WAYS[way].installed:
                self._leave_out(f"{title}: not installed (pip install -e '.[bench]')")
            elif time.monotonic() + expected(self.runs, way, epochs) > self._deadline:
                self._leave_out(f"{title}: not run once more, the time would not have sufficed")
            else:
                self._run(way, epochs, title)

    def _run(self, way: str, epochs: int, title: str) -> None:
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            job = self._job.model_copy(update={"way": way, "epochs": epochs, "folder": Path(folder)})
            try:
                found = run(job, max(1.0, self._deadline - time.monotonic()))
            except RunFailedError as failure:
                self._leave_out(f"{title}: {failure}")
                return
        self.runs.append(found)
        self._say(
            f"{title}: {found.per_trial:.2f} s a trial, {found.seconds:.1f} s of search, "
            f"{found.wall_seconds:.1f} s of process"
        )

    def _leave_out(self, line: str) -> None:
        self.left_out.append(line)
        self._say(line)

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def expected(runs: Sequence[Run], way: str, epochs: int) -> float:
    """Seconds that a run takes, by earlier ones of that way: of as many epochs, or scaled; 0 without."""
    of_way = [run for run in runs if run.way == way]
    alike = [run.wall_seconds for run in of_way if run.epochs == epochs]
    scaled = [run.wall_seconds * max(1.0, epochs / run.epochs) for run in of_way]
    return max(alike or scaled or [0.0])


def measure(plan: Plan, minutes: float, console: Console) -> Speed:
    """Run the plan.

    Raises:
        sweeps.errors.InputError: Fashion-MNIST is not there.
    """
    began = time.monotonic()
    data = fashion_mnist()
    jobs = CPU_COUNT
    training, validation = plan.rows or (len(data.train), len(data.validation))
    console.print(f"the floor, on one core and on {jobs} …")
    least = floor.measure(plan.configurations, training, validation, jobs)
    with tempfile.TemporaryDirectory(prefix="bench-data-") as folder:
        dataset = NAME if plan.rows is None else some_rows(data, Path(folder), training, validation)
        job = Job(
            way="this",
            dataset=dataset,
            epochs=1,
            configurations=plan.configurations,
            jobs=jobs,
            folder=Path(folder),
        )
        schedule = Schedule(job, minutes * 60 - (time.monotonic() - began), console)
        for epochs, ways in plan.rounds:
            schedule.round(epochs, ways)
    return Speed(
        dataset=f"{NAME}, {training} images to train with, {validation} to validate with",
        configurations=tuple(map(label, CONFIGURATIONS[: plan.configurations])),
        runs=tuple(schedule.runs),
        floor=least,
        left_out=tuple(schedule.left_out),
    )


@click.command()
@click.option("--smoke", is_flag=True, help="A few rows, 2 configurations, 1 epoch: whether it works at all.")
@click.option("--minutes", default=28.0, show_default=True, help="Runs that would end later are left out.")
@click.option("--output", type=click.Path(path_type=Path), help=f"[{records.FILE.name}; with --smoke: none]")
def main(smoke: bool, minutes: float, output: Path | None) -> None:
    """Compare this project with its peers, show the tables, and keep them as JSON."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    try:
        speed = measure(SMOKE if smoke else FULL, minutes, console)
    except SweepError as error:
        click.echo(f"bench: {error}", err=True)
        sys.exit(error.exit_code)
    output = output or (None if smoke else records.FILE)
    earlier = records.load(output) if output else None
    results = Results(machine=records.this_machine(), speed=speed, scale=earlier.scale if earlier else None)
    results = results.model_copy(update={"goals": goals(results)})
    console.print(CLOCK, style="dim", highlight=False)
    show.speed(speed, console)
    show.goals(results.goals, console)
    if output:
        records.save(results, output)
        console.print(f"written to {output}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
