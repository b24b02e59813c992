"""The scheduler of a search: keeps every slot at a trial, ends what hangs, gives up after failures in a row."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sweeps.engine.dispatcher import Dispatcher, Ended
from sweeps.engine.scratch import DataFile
from sweeps.engine.tasks import run_trial
from sweeps.errors import MachineFault, TrialsFailed, machine_fault
from sweeps.study.study import Objective
from sweeps.system import signals
from sweeps.system.commands import hint
from sweeps.trial.plan import EpochReport, OutcomeState, TrialOutcome, TrialPlan

if TYPE_CHECKING:  # it imports MLflow, for which there is time while the workers import TensorFlow
    from sweeps.engine.driver import Driver
    from sweeps.engine.session import StudySession

#: failures in a row, no success between them, after which a sweep is given up
FAILURE_LIMIT = 3
#: seconds after `--trial-timeout` that a trial gets to end its epoch, before its worker is killed
EPOCH_TIMEOUT = 2.0
#: seconds between two looks whether the store has created a run
_POLL = 0.05


@dataclass(frozen=True)
class SearchBegun:
    """What a watcher is told when a search begins.

    Attributes:
        objective: what is searched for.
        task: what the target is taken for; "" where that needs no words.
        validation: on which rows trials are compared; "" where that needs no words.
        models: which trials keep their models; "" where all do, or it was said before.
        workers: how many there are of a cluster; None: those of this machine.
        warnings: a line each.
        best: the best trial that the study has already.
    """

    objective: Objective
    task: str = ""
    validation: str = ""
    warnings: tuple[str, ...] = ()
    best: TrialOutcome | None = None
    models: str = ""
    workers: int | None = None


class Watcher(Protocol):
    """Who is told how a sweep goes."""

    def begin(self, begun: SearchBegun) -> None:
        """The search begins."""

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


class Scheduler:
    """Trials run over the slots until none is missing or something ends it.

    Args:
        driver: draws the trials, and records them.
        jobs: slots to keep busy.
        watcher: told of every epoch and every trial.
        data: a dataset as a file; None: they load what the plan names.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        driver: Driver,
        plan: TrialPlan,
        jobs: int,
        session: StudySession,
        watcher: Watcher,
        limits: Limits,
        data: DataFile | None = None,
    ) -> None:
        self._dispatcher, self._driver, self._plan, self._jobs, self._session = dispatcher, driver, plan, jobs, session
        self._watcher, self._limits, self._data = watcher, limits, data
        self._accepts_trials = True
        #: the `time.monotonic()` until which other processes were seen to run all missing trials
        self._submit_not_before = 0.0
        self._failed_in_a_row = 0
        #: those whose runs the store has not created yet, since it is away
        self._ended_waiting: list[Ended] = []

    def run(self) -> None:
        """Keep every slot at a trial.

        Raises:
            TrialsFailed: too many trials failed in a row, or one for good.
            MachineFault: a disk is full, say.
            Interrupted: by a signal.
        """
        try:
            self._run()
        except OSError as full:  # of the journal
            if (fault := machine_fault(full)) is None:
                raise
            raise _halted(fault) from None

    def _run(self) -> None:
        running = self._dispatcher.running
        try:
            self._fill()
            self._need()
            while running or self._ended_waiting or (self._accepts_trials and self._session.missing() > 0):
                if fault := self._session.fault():
                    raise _halted(fault)
                if self._limits.deadline is not None and time.monotonic() >= self._limits.deadline:
                    break
                for ended in self._ended():
                    self._handle_outcome(self._driver.outcome_of(ended))
                if self._plan.trial_timeout is not None:
                    self._dispatcher.end_overdue(self._plan.trial_timeout + EPOCH_TIMEOUT, self._plan.overdue)
                self._fill()
                self._need()
        finally:
            if running or self._ended_waiting:
                self._stop_running()

    def _fill(self) -> None:
        """Give a trial to each free slot whose worker is there."""
        # what waits for its run has its slot still: the next trial is drawn when the value of this one is known
        busy = len(self._dispatcher.running) + len(self._ended_waiting)
        if not self._accepts_trials or busy >= self._jobs or time.monotonic() < self._submit_not_before:
            return
        if self._session.writer.is_full:  # the store is slow
            return
        for _ in range(self._dispatcher.free(self._jobs) - len(self._ended_waiting)):
            task = self._driver.begin()
            if task is None:
                self._accepts_trials = not self._driver.is_walked()
                self._submit_not_before = time.monotonic() + 1.0
                return
            self._dispatcher.submit(run_trial, self._plan, task, self._data, trial=task.number)

    def _need(self) -> None:
        """Say how many workers there should be."""
        busy = len(self._dispatcher.running) + len(self._ended_waiting)
        if self._accepts_trials:
            # one more, for the trial of another sweep that dies, where others work at all that is missing
            most = busy + 1 if time.monotonic() < self._submit_not_before else self._jobs
            self._dispatcher.need(min(most, self._session.missing()))
        else:
            self._dispatcher.need(busy)

    def _ended(self) -> list[Ended]:
        """The trials whose tasks have ended, and whose runs the store has created."""
        if self._dispatcher.running:
            self._ended_waiting += self._dispatcher.ended()
        ready = [ended for ended in self._ended_waiting if self._driver.is_ready(ended)]
        self._ended_waiting = [ended for ended in self._ended_waiting if ended not in ready]
        if ready or self._dispatcher.running:
            return ready
        signals.raise_if_interrupted()
        if self._ended_waiting:
            time.sleep(_POLL)
            return []
        time.sleep(0.5)  # others work at what is missing, as long as they live
        return []

    def _handle_outcome(self, outcome: TrialOutcome) -> None:
        """Pass on how a trial ended, and give up after too many failures in a row."""
        if outcome.exhausted:
            self._accepts_trials = False
        self._submit_not_before = 0.0
        if outcome.state == OutcomeState.NONE:
            return
        is_retried = self._retry(outcome)
        if is_retried or outcome.state == OutcomeState.KILLED:
            self._accepts_trials = True  # also of a grid whose points were all drawn
        self._watcher.trial(outcome)
        if outcome.state == OutcomeState.COMPLETE:
            self._session.remove_models()
        raise_if_halted(outcome)
        if outcome.fatal:
            ended = TrialsFailed(f"trial {outcome.number} has ended the search: {outcome.error}")
            ended.fatal = outcome.fatal
            raise ended
        if outcome.state == OutcomeState.FAIL and not is_retried:
            self._failed_in_a_row += 1
        elif outcome.state not in (OutcomeState.FAIL, OutcomeState.INTERRUPTED, OutcomeState.KILLED):
            self._failed_in_a_row = 0
        if self._failed_in_a_row >= self._limits.failures and self._accepts_trials:
            self._accepts_trials = False
            raise TrialsFailed(
                f"{self._limits.failures} trials failed in a row, the last (trial {outcome.number}): {outcome.error}\n"
                f"Its traceback is the artifact error.txt of its run; see: {hint('list', self._plan.study.name)}"
            )

    def _retry(self, outcome: TrialOutcome) -> bool:
        """Let a trial that failed be tried again, where it may be; whether it is."""
        if outcome.state != OutcomeState.FAIL or outcome.fatal or outcome.halt or not outcome.again:
            return False
        return self._session.retry(outcome.number, self._limits.retries)

    def _stop_running(self) -> None:
        """End the running trials at their next epoch, and after a while their workers."""
        self._accepts_trials = False
        ended = [*self._ended_waiting, *self._dispatcher.stop()]
        ready = [one for one in ended if self._driver.is_ready(one)]
        outcomes = [self._driver.outcome_of(one) for one in ready]
        killed = self._dispatcher.running.values()
        if killed or len(ready) < len(ended):
            self._driver.abandon()
            self._session.reap(error="interrupted in the middle of an epoch")
        now = time.monotonic()
        outcomes += [
            TrialOutcome(task.trial, OutcomeState.INTERRUPTED, seconds=now - task.begun)
            for task in killed
            if task.trial is not None and task.worker
        ]
        for outcome in outcomes:
            if outcome.state != OutcomeState.NONE:
                self._watcher.trial(outcome)


def raise_if_halted(outcome: TrialOutcome) -> None:
    """Raises:
    MachineFault: the trial was left unfinished since something is wrong with the machine.
    """
    if outcome.halt:
        raise _halted(outcome.halt)


def _halted(fault: str) -> MachineFault:
    return MachineFault(f"{fault}\nThe trial is left unfinished; repair that, then give the same command again")
