"""What a trial costs beside training as a study grows, a worker's memory, and the second core.

Overhead is taken from outside: with one slot, the time from one trial's end to the next one's, as the client
sees them, less the seconds that the trial trained and validated.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from distributed import Client
from rich.console import Console

from benchmarks.data import NAME, fashion_mnist, some_rows
from benchmarks.prefill import prefill
from benchmarks.processes import environment
from benchmarks.records import Scale
from benchmarks.sweeping import TimedSweep, TimedTrial, timed_sweep
from sweeps.config import SweepConfig, load_config

TRAINED, UNTRAINED = "benchmarks.space:build_model", "benchmarks.space:Untrained"


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        rows: of training and validation.
        early: trials of one sweep at which overhead is taken; each counts with the two before and after it.
        memory: trials of the same sweep, which ends with the last, after which memory is taken.
        grown: (trials that are there already, the space, whether MLflow has runs of them).
        after: trials that are run on top of those; the first two of them warm up, the others count.
        hourly: trials of a sweep, epochs of a trial, repetitions, for the trials an hour.
        whole: whether those take the whole dataset in place of `rows`.
    """

    rows: tuple[int, int] = (2000, 500)
    early: tuple[int, ...] = (10, 100)
    memory: tuple[int, int] = (20, 200)
    grown: tuple[tuple[int, str, bool], ...] = ((1_000, TRAINED, True), (10_000, UNTRAINED, False))
    after: int = 7
    hourly: tuple[int, int, int] = (24, 3, 2)
    whole: bool = True


FULL = Plan()
SMOKE = Plan(
    rows=(640, 160),
    early=(3,),
    memory=(2, 5),
    grown=((20, UNTRAINED, True),),
    after=3,
    hourly=(2, 1, 1),
    whole=False,
)


def measure(plan: Plan, console: Console) -> Scale:
    """Run the plan.

    Raises:
        sweeps.errors.InputError: Fashion-MNIST is not there.
    """
    data = fashion_mnist()
    with tempfile.TemporaryDirectory(prefix="bench-data-") as folder:
        some = some_rows(data, Path(folder), *plan.rows)
        console.print(f"{plan.memory[-1]} small trials in one worker …")
        overhead, memory = _one_worker(plan, some)
        for trials, space, record in plan.grown:
            console.print(f"a study of {trials:,} trials …")
            with _workspace():
                prefill("bench", trials, record)
                sweep = _sweep(some, space, trials + plan.after)
            overhead[trials] = statistics.median(overheads(sweep.trials)[1:])
        console.print("trials an hour …")
        rates = _trials_an_hour(plan, NAME if plan.whole else some)
    return Scale(overhead=overhead, memory=memory, trials_an_hour=rates)


def overheads(trials: Sequence[TimedTrial]) -> list[float]:
    """Seconds of each trial but the first that neither train nor validate, in a sweep of one slot."""
    return [
        trial.arrived - before.arrived - trial.phases.get("train", 0.0) - trial.phases.get("validate", 0.0)
        for before, trial in pairwise(trials)
    ]


def _one_worker(plan: Plan, dataset: str) -> tuple[dict[int, float], dict[int, int]]:
    memory: dict[int, int] = {}

    def on_trial(client: Client, ended: int) -> None:
        if ended in plan.memory:
            [memory[ended]] = client.run(_resident_bytes).values()

    with _workspace():
        trials = timed_sweep(_config(dataset, TRAINED, plan.memory[-1]), on_trial).trials
    # the first of `overheads` is that of the second trial
    around = {number: overheads(trials)[max(0, number - 4) : number + 1] for number in plan.early}
    return {number: statistics.median(values) for number, values in around.items()}, memory


def _trials_an_hour(plan: Plan, dataset: str) -> dict[int, tuple[float, ...]]:
    trials, epochs, repetitions = plan.hourly
    rates: dict[int, list[float]] = {1: [], 2: []}
    for repetition in range(repetitions):
        for jobs in (1, 2) if repetition % 2 == 0 else (2, 1):
            with _workspace():
                # random: the n-th trial of both is the same configuration
                config = _config(dataset, TRAINED, trials, epochs=epochs, jobs=jobs, sampler="random")
                rates[jobs].append(3600 * trials / timed_sweep(config).search)
    return {jobs: tuple(found) for jobs, found in rates.items()}


def _sweep(dataset: str, space: str, trials: int) -> TimedSweep:
    return timed_sweep(_config(dataset, space, trials))


def _config(dataset: str, space: str, trials: int, **options: object) -> SweepConfig:
    given = {"study": "bench", "dataset": dataset, "space": space, "trials": trials, "pruner": "none"}
    return load_config(given | {"epochs": 2, "jobs": 1} | options)


def _resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


@contextmanager
def _workspace() -> Iterator[None]:
    """A new, empty one, gone afterwards."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        os.environ.update(environment(Path(folder)))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
