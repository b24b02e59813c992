"""This project's `sweeps run` with a clock around it.

The steps are those of `sweeps.engine.sweep.run`. Before the clock starts, the workers have done what comes once a
process (imports, the data read into memory), and the workspace has its MLflow database, which comes once a
workspace. Inside is all that a sweep does: the check of data and space (small models are built and trained),
study and experiment made, the trials, the record closed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from distributed import Client

import sweeps.engine.search
from benchmarks import probe
from benchmarks.records import Breakdown
from sweeps.config import SweepConfig
from sweeps.data import DataSource
from sweeps.engine.cluster import slots
from sweeps.engine.dispatcher import Dispatcher
from sweeps.engine.scheduler import Limits, SearchBegun
from sweeps.engine.sweep import check, result_of_check, submit_check
from sweeps.engine.tasks import have_data
from sweeps.system import paths
from sweeps.trial.plan import CheckedSweep, EpochReport, TrialOutcome
from tracking import child_runs, find_store, open_store, seconds_of


@dataclass(frozen=True)
class TimedTrial:
    """How a trial ended.

    Attributes:
        arrived: seconds from the search's start until the client knew of its end.
        phases: what it logged about its own time, in seconds.
    """

    number: int
    state: str
    value: float | None
    seconds: float
    arrived: float
    phases: dict[str, float]


@dataclass(frozen=True)
class TimedSweep:
    """A sweep with its seconds.

    Attributes:
        check: the check of data and space.
        search: from there to the end.
        opened, closed: of the search, what came before the first trial and after the last.
        trials: those that this run added, in the order of their ends.
        calls: seconds of all workers in calls of MLflow and Optuna, by name.
    """

    check: float
    search: float
    opened: float
    closed: float
    trials: tuple[TimedTrial, ...]
    calls: dict[str, float]

    def breakdown(self) -> Breakdown:
        """Where the workers spent their time."""
        names = dict.fromkeys(name for trial in self.trials for name in trial.phases)
        n = len(self.trials)
        return Breakdown(
            trial=sum(trial.seconds for trial in self.trials) / n,
            phases={name: sum(trial.phases.get(name, 0.0) for trial in self.trials) / n for name in names},
            calls={name: seconds / n for name, seconds in sorted(self.calls.items())},
        )


def timed_sweep(config: SweepConfig, on_trial: Callable[[Client, int], None] | None = None) -> TimedSweep:
    """Run a sweep in the workspace that `SWEEPS_HOME` names.

    Args:
        on_trial: called with the number of trials that have ended, while the slot of the last waits.

    Raises:
        RuntimeError: a trial did not end well; what it cost would say nothing.
        sweeps.errors.SweepError: as `sweeps.engine.sweep.run`.
    """
    with slots(config.jobs, config.memory_limit) as client:
        client.wait_for_workers(config.jobs)
        _prepare(client, DataSource(config.dataset, target=config.target, seed=config.seed).absolute())
        began = time.perf_counter()
        request = check(config)
        dispatcher = Dispatcher(client)
        found = result_of_check(dispatcher, submit_check(dispatcher, request, None))
        checked = time.perf_counter()
        before = _calls(client)
        watch = _Watch(client, on_trial)
        sweeps.engine.search.search(CheckedSweep(config, request, found), dispatcher, watch, Limits())
        ended = time.perf_counter()
        calls = {name: seconds - before.get(name, 0.0) for name, seconds in _calls(client).items()}
    bad = [outcome for outcome, _ in watch.ended if outcome.state != "COMPLETE"]
    if bad:
        raise RuntimeError(f"trial {bad[0].number} ended {bad[0].state}: {bad[0].error}")
    phases = _phases(config.study)
    trials = [
        TimedTrial(o.number, o.state, o.value, o.seconds, at - watch.began, phases[o.number]) for o, at in watch.ended
    ]
    return TimedSweep(
        check=checked - began,
        search=ended - watch.began,
        opened=watch.opened - watch.began,
        closed=ended - watch.ended[-1][1],
        trials=tuple(trials),
        calls=calls,
    )


def warm(source: DataSource) -> None:
    """What a worker does once, before any clock starts."""
    have_data(source)
    probe.install()


def _prepare(client: Client, source: DataSource) -> None:
    paths.home().mkdir(parents=True, exist_ok=True)
    open_store(paths.tracking_uri(), "earlier", paths.artifact_root())
    addresses = list(client.scheduler_info(n_workers=-1)["workers"])
    client.gather([client.submit(warm, source, workers=[address], pure=False) for address in addresses])


def _calls(client: Client) -> dict[str, float]:
    total: dict[str, float] = {}
    for calls in client.run(probe.read).values():
        for name, seconds in calls.items():
            total[name] = total.get(name, 0.0) + seconds
    return total


def _phases(study: str) -> dict[int, dict[str, float]]:
    """What each trial logged about its own time, by its number."""
    store = find_store(paths.tracking_uri(), study)
    assert store is not None
    return {int(run.data.tags["trial"]): seconds_of(run) for run in child_runs(store)}


@dataclass
class _Watch:
    """The engine's watcher: keeps when the search began, and how and when each trial ended."""

    client: Client
    on_trial: Callable[[Client, int], None] | None
    began: float = field(default_factory=time.perf_counter)
    opened: float = 0.0
    ended: list[tuple[TrialOutcome, float]] = field(default_factory=list)

    def begin(self, begun: SearchBegun) -> None:
        """Study and record are open, the first trials are about to begin."""
        self.opened = time.perf_counter()

    def epoch(self, report: EpochReport) -> None:
        """An epoch of a running trial has ended."""

    def trial(self, outcome: TrialOutcome) -> None:
        """A trial has ended."""
        self.ended.append((outcome, time.perf_counter()))
        if self.on_trial is not None:
            self.on_trial(self.client, len(self.ended))
