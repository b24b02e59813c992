"""`make bench`: the same configurations by this project and its peers, one run after the other."""

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
from benchmarks.processes import RunFailedError, run
from benchmarks.records import Job, Run, Speed
from benchmarks.show import Progress
from benchmarks.ways import WAYS
from sweeps.errors import SweepError

CLOCK = """\
Each run is a separate process. The clock starts after imports, with the data in memory, and stops at the
end of the search. This project: from the check of data and space to the end of the MLflow run; its workers
are started and warmed up, its MLflow database exists. KerasTuner: `search`. Tutorial way: `study.optimize`,
its MLflow database exists. Ray Tune: `Tuner.fit`, less the imports of TensorFlow in its actors. `process`
includes imports and data."""

_ALL_WAYS = tuple(WAYS)
#: ways with goals come first: the others are left out where time runs out
_LONG = ("keras_tuner", "this", "ray_tune", "tutorial")


@dataclass(frozen=True)
class Plan:
    """The runs of a benchmark.

    Attributes:
        rounds: (epochs, ways in order); run in this order while there is time.
        rows: number of training and validation rows; None for all.
    """

    rounds: tuple[tuple[int, tuple[str, ...]], ...]
    configurations: int = len(CONFIGURATIONS)
    rows: tuple[int, int] | None = None


FULL = Plan(((3, _ALL_WAYS), (10, _LONG), (3, _ALL_WAYS[::-1]), (10, _LONG[::-1]), (3, _ALL_WAYS), (10, _LONG)))
SMOKE = Plan(((1, _ALL_WAYS),), configurations=2, rows=(640, 160))


class Schedule(Progress):
    """Runs the rounds of a plan, and leaves out what would not end in time.

    Args:
        job: the job of each run, except for way, epochs and folder.
        seconds: time for all runs together.
    """

    def __init__(self, job: Job, seconds: float, console: Console) -> None:
        super().__init__(console)
        self._job = job
        self._deadline = time.monotonic() + seconds
        self.runs: list[Run] = []

    def round(self, epochs: int, ways: Sequence[str]) -> None:
        """Run each of the ways once."""
        for way in ways:
            title = f"{WAYS[way].title}, {epochs} epochs"
            if not WAYS[way].installed:
                self.leave_out(f"{title}: not installed (pip install -e '.[bench]')")
            elif time.monotonic() + expected(self.runs, way, epochs) > self._deadline:
                self.leave_out(f"{title}: not run once more, the time would not have sufficed")
            else:
                self._run(way, epochs, title)

    def _run(self, way: str, epochs: int, title: str) -> None:
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            job = self._job.model_copy(update={"way": way, "epochs": epochs, "folder": Path(folder)})
            try:
                result = run(job, max(1.0, self._deadline - time.monotonic()))
            except RunFailedError as failure:
                self.leave_out(f"{title}: {failure}")
                return
        self.runs.append(result)
        self.say(
            f"{title}: {result.per_trial:.2f} s a trial, {result.seconds:.1f} s of search, "
            f"{result.wall_seconds:.1f} s of process"
        )


def expected(runs: Sequence[Run], way: str, epochs: int) -> float:
    """The expected seconds of a run, from earlier runs of that way, scaled by epochs; 0 without any."""
    of_way = [run for run in runs if run.way == way]
    same = [run.wall_seconds for run in of_way if run.epochs == epochs]
    scaled = [run.wall_seconds * max(1.0, epochs / run.epochs) for run in of_way]
    return max(same or scaled or [0.0])


def measure(plan: Plan, minutes: float, console: Console) -> Speed:
    """Run the plan.

    Raises:
        sweeps.errors.InputError: Fashion-MNIST is not available.
    """
    began = time.monotonic()
    data = fashion_mnist()
    jobs = CPU_COUNT
    training, validation = plan.rows or (len(data.train), len(data.validation))
    console.print(f"lower bound, on one core and on {jobs} …")
    lower_bound = floor.measure(plan.configurations, training, validation, jobs)
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
        floor=lower_bound,
        left_out=tuple(schedule.left_out),
    )


@click.command()
@click.option("--smoke", is_flag=True, help="A quick check: few rows, 2 configurations, 1 epoch.")
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
    console.print(CLOCK, style="dim", highlight=False)
    show.speed(speed, console)
    show.save(console, output, speed=speed)


if __name__ == "__main__":
    main()
