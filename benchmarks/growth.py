"""Overhead of a trial as a study grows, a worker's memory, and the gain of a second core.

Overhead is measured with one slot by the client: the time between the ends of two trials, less the second trial's
seconds of training and validation.
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
from benchmarks.sweeping import TimedTrial, timed_sweep
from sweeps.config import SweepConfig, load_config

TRAINED, UNTRAINED = "benchmarks.space:build_model", "benchmarks.space:Untrained"


@dataclass(frozen=True)
class Plan:
    """The measurements.

    Attributes:
        rows: number of training and validation rows.
        early: trials of the first sweep at which overhead is measured, over the two trials before and after each.
        memory: trials of the same sweep after which memory is measured; the last one ends the sweep.
        grown: (existing trials of a study, its space, whether they have MLflow runs).
        after: trials that are added to those studies; the first two warm up and do not count.
        hourly: trials of a sweep, epochs of a trial and repetitions, for trials an hour.
        whole: use the whole dataset for trials an hour.
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
        sweeps.errors.InputError: Fashion-MNIST is not available.
    """
    data = fashion_mnist()
    with tempfile.TemporaryDirectory(prefix="bench-data-") as folder:
        few_rows = some_rows(data, Path(folder), *plan.rows)
        console.print(f"{plan.memory[-1]} small trials in one worker …")
        overhead, memory = _one_worker(plan, few_rows)
        for trials, space, record in plan.grown:
            console.print(f"a study of {trials:,} trials …")
            with _workspace():
                prefill("bench", trials, record)
                sweep = timed_sweep(_config(few_rows, space, trials + plan.after))
            overhead[trials] = statistics.median(overheads(sweep.trials)[1:])
        console.print("trials an hour …")
        rates = _trials_an_hour(plan, NAME if plan.whole else few_rows)
    return Scale(overhead=overhead, memory=memory, trials_an_hour=rates)


def overheads(trials: Sequence[TimedTrial]) -> list[float]:
    """Seconds besides training and validation of each trial but the first, in a sweep with one slot."""
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
    # `overheads` begins with the second trial
    around = {number: overheads(trials)[max(0, number - 4) : number + 1] for number in plan.early}
    return {number: statistics.median(values) for number, values in around.items()}, memory


def _trials_an_hour(plan: Plan, dataset: str) -> dict[int, tuple[float, ...]]:
    trials, epochs, repetitions = plan.hourly
    rates: dict[int, list[float]] = {1: [], 2: []}
    for repetition in range(repetitions):
        for jobs in (1, 2) if repetition % 2 == 0 else (2, 1):
            with _workspace():
                # the random sampler gives both the same configurations
                config = _config(dataset, TRAINED, trials, epochs=epochs, jobs=jobs, sampler="random")
                rates[jobs].append(3600 * trials / timed_sweep(config).search)
    return {jobs: tuple(found) for jobs, found in rates.items()}


def _config(dataset: str, space: str, trials: int, **options: object) -> SweepConfig:
    defaults = {"study": "bench", "dataset": dataset, "space": space, "trials": trials, "pruner": "none"}
    return load_config(defaults | {"epochs": 2, "jobs": 1} | options)


def _resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


@contextmanager
def _workspace() -> Iterator[None]:
    """A new, empty workspace, removed afterwards."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        os.environ.update(environment(Path(folder)))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
