"""The engine: Dask workers, one process a slot, one task a trial."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, wait

from sweeps import worker
from sweeps.errors import TrialsFailed
from sweeps.plan import EpochReport, TrialOutcome, TrialPlan
from sweeps.study import Objective
from sweeps.tasks import run_trial, warm_up_soon

#: failures in a row, no success between them, after which a sweep is given up
FAILURE_LIMIT = 3
#: seconds that running trials get to end in order once a sweep is told to stop
GRACE = 12.0

_DASK = {
    "distributed.comm.timeouts.connect": "60s",
    # a task whose worker died is run again by another one, at most so many times
    "distributed.scheduler.allowed-failures": 2,
    "distributed.worker.profile.enabled": False,
}


class Watcher(Protocol):
    """Who is told how a sweep goes."""

    def begin(self, objective: Objective, warnings: tuple[str, ...], best: TrialOutcome | None) -> None:
        """The search begins; `best` is the best trial that the study has already."""

    def epoch(self, report: EpochReport) -> None:
        """An epoch of a running trial has ended."""

    def trial(self, outcome: TrialOutcome) -> None:
        """A trial has ended."""


@contextlib.contextmanager
def slots(jobs: int) -> Iterator[Client]:
    """A client of `jobs` local worker processes that share the cores among them; they end with the block."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with (
        dask.config.set(_DASK),
        LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            env=worker.environment(threads),
            preload="sweeps.worker",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
        client.as_current(),
    ):
        # all processes import at once, while the client opens the stores
        client.run(warm_up_soon)
        yield client


class Drive:
    """Trials run over the slots until none is missing or something ends it.

    Args:
        jobs: slots to keep busy.
        missing: how many trials the study still lacks.
        begin: the number of the first task; it seeds that task's sampler.
        watcher: told of every epoch and every trial.
        deadline: the `time.monotonic()` at which the running trials are ended; None for never.
        data: a dataset that was sent to the workers; None: they load what the plan names.
    """

    def __init__(
        self,
        client: Client,
        plan: TrialPlan,
        jobs: int,
        missing: Callable[[], int],
        begin: int,
        watcher: Watcher,
        deadline: float | None = None,
        data: Future | None = None,
    ) -> None:
        self._client, self._plan, self._jobs, self._missing = client, plan, jobs, missing
        self._draw, self._watcher, self._deadline, self._data = begin, watcher, deadline, data
        self._running: set[Future] = set()
        self._open = True
        self._failed_in_a_row = 0

    def run(self) -> None:
        """Keep every slot at a trial.

        Raises:
            TrialsFailed: `FAILURE_LIMIT` trials failed in a row.
        """
        self._client.subscribe_topic("sweep", self._pass_on)
        try:
            self._fill()
            while self._running:
                for future in self._ended():
                    self._take(future)
                self._fill()
        finally:
            if self._running:
                self._stop_running()

    def _pass_on(self, event: tuple[float, dict[str, Any]]) -> None:
        """An epoch's report as Dask delivers it: with its time, and with the worker's address among its fields."""
        fields = {name: value for name, value in event[1].items() if name != "worker"}
        self._watcher.epoch(EpochReport(**fields))

    def _fill(self) -> None:
        free = min(self._jobs, self._missing()) - len(self._running) if self._open else 0
        for _ in range(free):
            self._running.add(self._client.submit(run_trial, self._plan, self._draw, self._data, pure=False))
            self._draw += 1

    def _ended(self) -> set[Future]:
        """The futures that are done, waited for half a second at most."""
        if self._open and self._deadline is not None and time.monotonic() >= self._deadline:
            self._open = False
            self._client.run(worker.request_stop)
        try:
            done = set(wait(self._running, timeout=0.5, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            return set()
        self._running -= done
        return done

    def _take(self, future: Future) -> None:
        """Pass on how a trial ended, and give up after too many failures in a row."""
        outcome = _outcome(future)
        self._watcher.trial(outcome)
        if outcome.exhausted:
            self._open = False
        if outcome.state == "FAIL":
            self._failed_in_a_row += 1
        elif outcome.state != "INTERRUPTED":
            self._failed_in_a_row = 0
        if self._failed_in_a_row >= FAILURE_LIMIT and self._open:
            self._open = False
            raise TrialsFailed(
                f"{FAILURE_LIMIT} trials failed in a row, the last (trial {outcome.number}): {outcome.error}\n"
                f"Its traceback is the artifact error.txt of its run; see: sweeps list {self._plan.study.name}"
            )

    def _stop_running(self) -> None:
        """End the running trials at their next epoch, and wait for them a while."""
        self._open = False
        with contextlib.suppress(OSError, TimeoutError):
            self._client.run(worker.request_stop)
            wait(self._running, timeout=GRACE)
        for future in self._running:
            if future.done():
                self._watcher.trial(_outcome(future))


def _outcome(future: Future) -> TrialOutcome:
    """What the task returned; for a task that raised or whose workers all died, a failed trial."""
    if future.status == "finished":
        result: Any = future.result()
        assert isinstance(result, TrialOutcome)
        return result
    error = future.exception() if future.status == "error" else None
    if isinstance(error, KilledWorker):
        text = "its worker process died each time it was tried, most likely out of memory"
    else:
        text = f"{type(error).__name__}: {error}"
    return TrialOutcome(-1, "FAIL", None, 0.0, error=text)
