"""How `sweeps run` scales, measured from outside, so that any commit can be: each measurement is one function.

To add one: a function and a line in `MEASUREMENTS`.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import no_op
from benchmarks.command import Watched, failure, megabytes, sweep
from benchmarks.prefill import prefill
from benchmarks.processes import RunFailedError, environment

Figures = dict[str, float]


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        repetitions: of what takes seconds; the median counts.
        slots: of the sweep with many slots, beside one with two.
        workers: numbers of worker processes for the curve of trials a second, and trials a worker.
        trials: after how many trials their rate is looked at, and with how many workers.
        grown: sizes of a study at which memory is measured.
        crowd: trials and slots of a sweep with more slots than can pay.
        limit: seconds after which a sweep is ended, unfinished.
    """

    repetitions: int = 3
    slots: int = 12
    workers: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    trials_a_worker: int = 25
    trials: tuple[int, ...] = (100, 300, 1000, 3000, 10_000)
    trials_with: int = 8
    grown: tuple[int, ...] = (10, 1000, 10_000)
    crowd: tuple[int, int] = (40, 64)
    limit: float = 3600


FULL = Sizes()
SMOKE = Sizes(
    repetitions=1,
    slots=3,
    workers=(1, 2),
    trials_a_worker=5,
    trials=(5, 10),
    trials_with=2,
    grown=(20, 200),
    crowd=(4, 6),
    limit=240,
)


def first_result(code: Path, sizes: Sizes) -> Figures:
    """Seconds to the first result of one trial of one epoch, beside those that the imports take."""
    floor = _median(sizes, lambda: _imports(code))
    one = _median(sizes, lambda: _first(code, sizes, 1, 1))
    return {
        "floor: imports of tensorflow, optuna, mlflow, s": floor,
        "first result, 1 slot, s": one,
        "first result ÷ floor": one / floor,
    }


def slots_started(code: Path, sizes: Sizes) -> Figures:
    """The first result where many slots start, beside that of two."""
    two = _median(sizes, lambda: _first(code, sizes, 2, 2))
    many = _median(sizes, lambda: _first(code, sizes, sizes.slots, sizes.slots))
    return {
        "first result, 2 slots, s": two,
        f"first result, {sizes.slots} slots, s": many,
        f"first result, {sizes.slots} slots ÷ 2 slots": many / two,
    }


def memory(code: Path, sizes: Sizes) -> Figures:
    """The memory of all processes once each slot has had a trial, at most."""
    trials = str(4 * sizes.slots)
    with sweep(code, "--trials", trials, "--epochs", "1", "--jobs", str(sizes.slots), seconds=3) as watched:
        _wait(watched, lambda: len(watched.workers()) >= sizes.slots, sizes)
        most, count = 0.0, 0
        while not watched.wait(lambda: len(watched.ends) >= 2 * sizes.slots, limit=0.5) and not watched.is_over():
            processes = watched.processes()
            most, count = max(most, megabytes(processes)), max(count, len(processes))
    return {f"memory (PSS), {sizes.slots} slots, MB": most, f"processes, {sizes.slots} slots": count}


def replacement(code: Path, sizes: Sizes) -> Figures:
    """Seconds from a worker's death until a new process begins a trial."""
    with sweep(code, "--trials", "200", "--epochs", "1", "--jobs", "2", seconds=1) as watched:
        seconds = []
        for _ in range(sizes.repetitions):
            _wait(watched, lambda: len(_alive(watched)) >= 2, sizes)
            before = watched.workers()
            os.kill(min(_alive(watched)), signal.SIGKILL)
            began = time.perf_counter()
            _wait(watched, lambda before=before: bool(watched.workers() - before), sizes)  # type: ignore[misc]
            seconds.append(time.perf_counter() - began)
    return {"a killed worker is replaced, s": statistics.median(seconds)}


def rate_by_workers(code: Path, sizes: Sizes) -> Figures:
    """Trials a second of an objective that does nothing, once all workers work."""
    figures: Figures = {}
    for workers in sizes.workers:
        trials = max(50, workers * sizes.trials_a_worker) if sizes is FULL else workers * sizes.trials_a_worker
        with sweep(code, "--trials", str(trials), "--epochs", "1", "--jobs", str(workers)) as watched:
            watched.wait(limit=sizes.limit)
            ends = watched.ends[len(watched.ends) // 4 :]
            if len(ends) < 2:
                raise RunFailedError(f"{workers} workers: {failure(watched)}")
        figures[f"trials a second, {workers} workers"] = (len(ends) - 1) / (ends[-1] - ends[0])
    return figures


def rate_by_trials(code: Path, sizes: Sizes) -> Figures:
    """Trials a second as a study grows; those that the time limit leaves out are absent."""
    options = ("--trials", str(sizes.trials[-1]), "--epochs", "1", "--jobs", str(sizes.trials_with))
    with sweep(code, *options) as watched:
        watched.wait(limit=sizes.limit)
        ends = list(watched.ends)
        if len(ends) < sizes.trials[0]:
            raise RunFailedError(failure(watched))
    return rates(ends, sizes)


def rates(ends: Sequence[float], sizes: Sizes) -> Figures:
    """Trials a second as a study grew.

    Args:
        ends: seconds at which its trials ended, in their order.
    """
    figures: Figures = {}
    for until in (number for number in sizes.trials if number <= len(ends)):
        since = until // 2
        figures[f"trials a second until trial {until:,}, {sizes.trials_with} workers"] = (until - since) / (
            ends[until - 1] - ends[since - 1]
        )
    return figures


def grown(code: Path, sizes: Sizes) -> Figures:
    """The memory of driver and workers where the study has many trials already.

    Not the seconds until it goes on: those trials have no runs in MLflow, which are made first.
    """
    figures: Figures = {}
    for trials in sizes.grown:
        total = str(trials + 12)
        with sweep(
            code,
            *("--trials", total, "--epochs", "1", "--jobs", "2"),
            prepare=lambda trials=trials: prefill("bench", trials, record=False, draw=no_op.draw),  # type: ignore[misc]
            seconds=1,
        ) as watched:
            _wait(watched, lambda: len(watched.ends) >= 6, sizes)
            workers = [process for process in watched.processes() if process.pid in watched.workers()]
            figures[f"driver's memory at {trials:,} trials, MB"] = megabytes([watched.root])
            figures[f"a worker's memory at {trials:,} trials, MB"] = max(megabytes([each]) for each in workers)
    return figures


def crowd(code: Path, sizes: Sizes) -> Figures:
    """A sweep with more slots than can pay: whether it ends well, and what it takes."""
    trials, slots = sizes.crowd
    with sweep(code, "--trials", str(trials), "--epochs", "1", "--jobs", str(slots)) as watched:
        most = 0.0
        while not watched.wait(limit=1.0) and time.perf_counter() - watched.began < sizes.limit:
            most = max(most, megabytes(watched.processes()))
        seconds, exit_code = time.perf_counter() - watched.began, watched.end()
        said = any("cores" in line and "no faster" in line for line in watched.lines)
    name = f"{trials} trials, {slots} slots"
    return {
        f"{name}: trials that ended": len(watched.ends),
        f"{name}: exit code": exit_code,
        f"{name}: s": seconds,
        f"{name}: memory (PSS), MB": most,
        f"{name}: says that they do not pay": said,
    }


#: name of `--only` -> the measurement
MEASUREMENTS: Mapping[str, Callable[[Path, Sizes], Figures]] = {
    "first-result": first_result,
    "slots": slots_started,
    "memory": memory,
    "replacement": replacement,
    "workers": rate_by_workers,
    "trials": rate_by_trials,
    "grown": grown,
    "crowd": crowd,
}


def _first(code: Path, sizes: Sizes, trials: int, jobs: int) -> float:
    options = ("--dataset", "digits", "--trials", str(trials), "--epochs", "1", "--jobs", str(jobs))
    with sweep(code, *options, space="mlp") as watched:
        _wait(watched, lambda: bool(watched.ends), sizes)
        return watched.ends[0]


def _imports(code: Path) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "import tensorflow, optuna, mlflow"],
        env=environment(code) | {"PYTHONPATH": ""},
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began


def _alive(watched: Watched) -> set[int]:
    return watched.workers() & {process.pid for process in watched.processes()}


def _wait(watched: Watched, until: Callable[[], bool], sizes: Sizes) -> None:
    if not watched.wait(until, sizes.limit):
        raise RunFailedError(failure(watched))


def _median(sizes: Sizes, measure: Callable[[], float]) -> float:
    return statistics.median(measure() for _ in range(sizes.repetitions))
