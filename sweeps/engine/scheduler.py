"""The engine: keeps every slot at a trial, ends what hangs, gives up after failures in a row."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from distributed import Client, Future, KilledWorker, wait

from sweeps.engine import worker
from sweeps.engine.nanny import exit_reason
from sweeps.engine.tasks import run_trial
from sweeps.errors import MachineFault, TrialsFailed, machine_fault, without_passwords
from sweeps.study.retries import LateResult
from sweeps.study.study import Objective
from sweeps.system import signals
from sweeps.trial.plan import EpochReport, OutcomeState, TrialBegun, TrialOutcome, TrialPlan

#: failures in a row, no success between them, after which a sweep is given up
FAILURE_LIMIT = 3
#: seconds that running trials get to end in order once a sweep is told to stop
STOP_TIMEOUT = 7.0
#: seconds beyond its time that a trial gets for the end of its epoch
EPOCH_TIMEOUT = 2.0


class Watcher(Protocol):
    """Who is told how a sweep goes."""

    def begin(self, objective: Objective, warnings: tuple[str, ...], best: TrialOutcome | None) -> None:
        """The search begins; `best` is the best trial that the study has already."""

    def epoch(self, report: EpochReport) -> None:
        """An epoch of a running trial has ended."""

    def trial(self, outcome: TrialOutcome) -> None:
        """A trial has ended."""


@dataclass(frozen=True)
class Limits:
    """When a sweep ends before its time.

    Attributes:
        deadline: the `time.monotonic()` at which the running trials are ended; None for never.
        failures: failed trials in a row after which it is given up.
        retries: how often a trial that fails is tried again, before it counts as failed.
    """

    deadline: float | None = None
    failures: int = FAILURE_LIMIT
    retries: int = 0


class Died(Protocol):
    """What is done for a worker that died."""

    def __call__(self, task: str, how: str, again: bool = True) -> TrialOutcome:
        """Fail the trial that it had from that task; tell how it ended."""


class Reap(Protocol):
    """What is done for trials that nobody works at any more."""

    def __call__(self, *, error: str = ...) -> list[int]:
        """Fail them, with what is known of their end; their numbers."""


@dataclass(frozen=True)
class Work:
    """What is left to do, asked anew each time since others may work at the same study; and who is told of deaths.

    Attributes:
        missing: how many trials the study lacks.
        unclaimed: how many of them nobody works at.
        again: lets a failed trial, by its number, be tried again, unless that was done so often; whether it is.
    """

    missing: Callable[[], int]
    unclaimed: Callable[[], int]
    died: Died
    reap: Reap
    again: Callable[[int, int], bool]


@dataclass
class _Task:
    """A trial that was submitted; where and since when it runs, once that is known."""

    task: int
    number: int | None = None
    worker: str = ""
    begun: float = 0.0
    #: why its worker was ended
    reason: str | None = None


class Scheduler:
    """Trials run over the slots until none is missing or something ends it.

    Args:
        jobs: slots to keep busy.
        watcher: told of every epoch and every trial.
        data: a dataset that was sent to the workers; None: they load what the plan names.
    """

    def __init__(
        self,
        client: Client,
        plan: TrialPlan,
        jobs: int,
        work: Work,
        watcher: Watcher,
        limits: Limits,
        data: Future | None = None,
    ) -> None:
        self._client, self._plan, self._jobs, self._work = client, plan, jobs, work
        self._submitted, self._watcher, self._limits, self._data = 0, watcher, limits, data
        self._running: dict[Future, _Task] = {}
        self._open = True
        #: nothing is submitted before: others work at all that is missing
        self._hold = 0.0
        self._failed_in_a_row = 0

    def run(self) -> None:
        """Keep every slot at a trial.

        Raises:
            TrialsFailed: too many trials failed in a row, or one for good.
            MachineFault: a disk is full, say.
            Interrupted: by a signal.
        """
        self._client.subscribe_topic("sweep", self._pass_on)
        self._client.subscribe_topic("begun", self._begun)
        self._client.subscribe_topic("worker-restart-memory", self._too_large)
        try:
            self._fill()
            while self._running or (self._open and self._work.missing() > 0):
                signals.raise_if_interrupted()
                if self._limits.deadline is not None and time.monotonic() >= self._limits.deadline:
                    break
                for future in self._ended():
                    self._take(future)
                self._end_overdue()
                self._fill()
        finally:
            if self._running:
                self._stop_running()

    def _pass_on(self, event: tuple[float, dict[str, Any]]) -> None:
        """An epoch's report as Dask delivers it: with its time, and with the worker's address among its fields."""
        fields = {name: value for name, value in event[1].items() if name != "worker"}
        self._watcher.epoch(EpochReport(**fields))

    def _begun(self, event: tuple[float, dict[str, Any]]) -> None:
        fields = dict(event[1])
        address = fields.pop("worker")
        begun = TrialBegun(**fields)
        for task in list(self._running.values()):
            if task.task == begun.task:
                task.number, task.worker, task.begun = begun.number, address, time.monotonic()

    def _too_large(self, event: tuple[float, dict[str, Any]]) -> None:
        """A nanny is about to end its worker."""
        for task in list(self._running.values()):
            if task.worker == event[1]["worker"]:
                task.reason = f"its worker took {event[1]['rss'] / 1e9:.1f} GB, more than --memory-limit allows"

    def _fill(self) -> None:
        if not self._open or time.monotonic() < self._hold:
            return
        begun = sum(task.number is not None for task in self._running.values())
        for _ in range(min(self._jobs, self._work.unclaimed() + begun) - len(self._running)):
            future = self._client.submit(run_trial, self._plan, self._submitted, self._data, pure=False)
            self._running[future] = _Task(self._submitted)
            self._submitted += 1

    def _ended(self) -> set[Future]:
        """The futures that are done, waited for half a second at most."""
        if not self._running:  # others work at what is missing, as long as they live
            self._work.reap()
            time.sleep(0.5)
            return set()
        try:
            return set(wait(list(self._running), timeout=0.5, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            return set()

    def _take(self, future: Future) -> None:
        """Pass on how a trial ended, and give up after too many failures in a row."""
        outcome = self._outcome(future, self._running.pop(future))
        if outcome.exhausted:
            self._open = False
        if outcome.state == OutcomeState.NONE:
            self._hold = time.monotonic() + 1.0
            return
        self._watcher.trial(outcome)
        if outcome.halt:
            raise MachineFault(
                f"{outcome.halt}\nThe trial is left unfinished; repair that, then give the same command again"
            )
        if outcome.fatal:
            raise TrialsFailed(f"trial {outcome.number} has ended the search: {outcome.error}")
        if outcome.state == OutcomeState.FAIL and not (
            outcome.again and self._work.again(outcome.number, self._limits.retries)
        ):
            self._failed_in_a_row += 1
        elif outcome.state not in (OutcomeState.FAIL, OutcomeState.INTERRUPTED, OutcomeState.KILLED):
            self._failed_in_a_row = 0
        if self._failed_in_a_row >= self._limits.failures and self._open:
            self._open = False
            raise TrialsFailed(
                f"{self._limits.failures} trials failed in a row, the last (trial {outcome.number}): {outcome.error}\n"
                f"Its traceback is the artifact error.txt of its run; see: sweeps list {self._plan.study.name}"
            )

    def _end_overdue(self) -> None:
        """End the workers of trials that are beyond their time and did not end by themselves."""
        limit = self._plan.trial_timeout
        if limit is None:
            return
        for task in self._running.values():
            if task.number is not None and not task.reason and time.monotonic() > task.begun + limit + EPOCH_TIMEOUT:
                task.reason = self._plan.overdue
                with contextlib.suppress(KeyError):  # it has died already
                    self._client.run(worker.kill, nanny=True, workers=[task.worker], on_error="ignore")

    def _stop_running(self) -> None:
        """End the running trials at their next epoch, and after a while their workers."""
        self._open = False
        self._client.run(worker.request_stop, nanny=True, on_error="ignore")
        with contextlib.suppress(TimeoutError):
            wait(list(self._running), timeout=STOP_TIMEOUT)
        late = {future: task for future, task in self._running.items() if not future.done()}
        if late:
            self._client.run(worker.kill, again=False, nanny=True, on_error="ignore")
            self._work.reap(error="interrupted in the middle of an epoch")
        for future, task in self._running.items():
            if future not in late:
                self._report(self._outcome(future, task))
            elif task.number is not None:
                self._report(TrialOutcome(task.number, OutcomeState.INTERRUPTED, seconds=time.monotonic() - task.begun))

    def _report(self, outcome: TrialOutcome) -> None:
        if outcome.state != OutcomeState.NONE:
            self._watcher.trial(outcome)

    def _outcome(self, future: Future, task: _Task) -> TrialOutcome:
        """What the task returned; a failed trial for a task that raised or whose worker died."""
        if future.status == "finished":
            result: Any = future.result()
            assert isinstance(result, TrialOutcome)
            future.release()  # Dask would run the task again, when the worker that holds the result dies
            return result
        error = future.exception() if future.status == "error" else None
        if isinstance(error, LateResult):  # its trial has failed, and was counted, already
            return TrialOutcome(-1, OutcomeState.NONE)
        if isinstance(error, KilledWorker):
            how = task.reason or exit_reason(error.last_worker.nanny)
            return self._work.died(future.key, how, again=how != self._plan.overdue)
        said = without_passwords(f"{type(error).__name__}: {error}")
        return TrialOutcome(-1, OutcomeState.FAIL, error=said, halt=machine_fault(error) if error else None)
