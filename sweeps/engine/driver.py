"""The driver's side of the trials that workers run: it alone draws them, writes the study, and writes the record."""

from __future__ import annotations

import contextlib
import json
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import optuna
from distributed import Client
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from sweeps.engine.dispatcher import Ended
from sweeps.engine.listener import listening
from sweeps.engine.running_trial import GIVEN_UP, RunningTrial
from sweeps.engine.session import StudySession
from sweeps.errors import machine_fault, without_passwords
from sweeps.space.fingerprint import SPACE_VERSION
from sweeps.space.known import KnownParameters
from sweeps.study.ahead import drawn_ahead
from sweeps.study.attributes import (
    CONTINUES,
    CUT_SHORT,
    ERROR,
    INFEASIBLE,
    INTERRUPTION,
    PARAMS,
    PARENT_RUN,
    RETRY_OF,
    RUN_ID,
    UNDEFINED,
)
from sweeps.study.draft import Draft
from sweeps.study.points import is_walked
from sweeps.study.retries import LateResult, held, lineage, origin
from sweeps.trial import final_states, reaper
from sweeps.trial.faults import lost
from sweeps.trial.line import DriverLost
from sweeps.trial.plan import EpochReport, OutcomeState, TrialOutcome, TrialPlan
from sweeps.trial.repetition import seed_of, tags_of
from sweeps.trial.task import Kept, TrialEnd, TrialTask
from tracking import TrackingError, TrialRun, close_run
from tracking.spool import drop_folder


class Driver:
    """Gives out trials, answers what their workers ask, and brings them to their end.

    Workers are answered in threads of their own; what this process does meanwhile waits its turn.

    Args:
        epoch: told of each epoch of a running trial.
        elsewhere: the workers do not share this machine's disk.

    Attributes:
        address: at which the workers find this driver.
        values_asked: how often a worker had to ask for a value, and waited for the answer.
    """

    def __init__(
        self,
        session: StudySession,
        plan: TrialPlan,
        epoch: Callable[[EpochReport], None] = lambda _: None,
        elsewhere: bool = False,
    ) -> None:
        self.address, self.values_asked, self._elsewhere = "", 0, elsewhere
        self._session, self._plan, self._epoch = session, plan, epoch
        self._running: dict[int, RunningTrial] = {}
        self._known = KnownParameters()
        self._turn, self._abandoned = threading.RLock(), threading.Event()

    def begin(self, number: int | None = None) -> TrialTask | None:
        """Draw a trial for a worker; None when others work at all that the budget allows, or the space has.

        Args:
            number: of the waiting trial that it is to be; None: whichever the study gives.

        Raises:
            InputError: that trial does not wait.
        """
        study, plan = self._session.study, self._plan
        # before its turn: another sweep may be long about what there is to claim, and workers are answered meanwhile
        with contextlib.ExitStack() as stack:
            claim = self._session.claims.claim(study, self._session.budget, number, plan.study.sampler_of)
            try:
                trial = stack.enter_context(claim)
            except UpdateFinishedTrialError:
                if number is not None:
                    raise
                trial = None  # the turn was lost with the connection to the database, and another sweep failed it
            if trial is None:
                return None
            exhausted: list[bool] = []
            # a sampler that has walked all of its grid calls this
            trial.study.stop = lambda: exhausted.append(True)  # type: ignore[method-assign]
            if plan.space_version is not None:
                trial.set_user_attr(SPACE_VERSION, plan.space_version)
            task = self._task(trial)
            self._session.checkpoints.begin(task.first, trial.number)
            run = TrialRun(self._session.writer, study.user_attrs[PARENT_RUN], trial.number, self._tags(trial, task))
            run.when_created(lambda run_id: _note_run(trial, run_id))
            draft = Draft(trial, plan.study, self._session.claims.turn)
            with self._turn:
                self._running[trial.number] = RunningTrial(
                    trial, run, draft, task, plan, self._epoch, stack.pop_all(), exhausted
                )
            return task

    def answer(self, question: bytes) -> bytes:
        """The answer to a worker's question, or the error that it raises."""
        try:
            head, _, attachment = question.partition(b"\n")
            number, events, asked, arguments = json.loads(head)
            # before its turn: another sweep may be long about the study, and other workers are answered meanwhile
            with self._session.claims.turn() if asked == "settle" else contextlib.nullcontext(), self._turn:
                running = self._running.get(number)
                if running is None:
                    raise LateResult(GIVEN_UP)
                running.apply(events)
                answer = running.answer(asked, arguments, attachment)
                self.values_asked += asked == "draw"
            if asked == "kept":  # the store may be slow, which is this worker's concern alone
                model, state = answer
                answer = Kept(running.place(self._abandoned) if model else None, state)
        except UpdateFinishedTrialError:
            answer = LateResult(GIVEN_UP)
        except Exception as error:
            answer = error
        try:
            return pickle.dumps(answer)
        except Exception:  # an error of a library's own
            return pickle.dumps(RuntimeError(f"{type(answer).__name__}: {answer}"))

    def is_ready(self, ended: Ended) -> bool:
        """Whether a trial whose task has ended can be brought to its end: the store has created its run, or refused."""
        running = self._running.get(-1 if ended.task.trial is None else ended.task.trial)
        return running is None or running.run.is_created()

    def outcome_of(self, ended: Ended) -> TrialOutcome:
        """Bring a trial to its end, whose task has ended in whatever way; `is_ready` is to be so."""
        number = ended.task.trial
        assert number is not None
        if ended.death is not None:
            return self.died(number, ended.death, again=ended.death != self._plan.overdue)
        if isinstance(ended.result, TrialEnd):
            return self.end(ended.result)
        if isinstance(ended.error, DriverLost):  # for the worker; it has ended the trial by itself
            return self.died(number, "its worker lost the connection to the driver")
        if isinstance(ended.error, LateResult):
            return self._late(self._running.pop(number))
        error = ended.error or RuntimeError(f"its task returned {type(ended.result).__name__}")
        return self.end(_failed(number, error))

    def end(self, ended: TrialEnd) -> TrialOutcome:
        """Record how a trial has ended: its run first, the study last, since a trial that counts has nothing left to
        lose."""
        outcome = ended.outcome
        with self._turn:
            running = self._running.pop(outcome.number)
            with running.mark:
                trial = running.trial
                try:
                    outcome = self._record(running, ended)
                    _conclude(trial, outcome)
                except (ValueError, UpdateFinishedTrialError):
                    if not self._session.study.get_trials(deepcopy=False)[trial.number].state.is_finished():
                        raise
                    return self._late(running)
                except OSError as full:  # it stays RUNNING; who comes next finds that nobody works at it
                    if (fault := machine_fault(full)) is None:
                        raise
                    outcome = replace(outcome, state=OutcomeState.INTERRUPTED, error=fault, halt=outcome.halt or fault)
            self._forget_files(running, outcome)
            waiting = trial.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
            return replace(
                outcome,
                params=trial.user_attrs.get(PARAMS, trial.params),
                exhausted=outcome.exhausted or (bool(running.exhausted) and not waiting),
                undefined=trial.user_attrs.get(UNDEFINED, {}),
                infeasible=trial.user_attrs.get(INFEASIBLE, ""),
            )

    def died(self, number: int, how: str, again: bool = True) -> TrialOutcome:
        """Give up a trial whose worker has died; see `sweeps.trial.reaper.died`."""
        with self._turn:
            running = self._running.pop(number)
            with running.mark:
                running.run.set_tags({"error": how[:500]})
                try:
                    with contextlib.suppress(TrackingError):  # there is none; `sweeps doctor` makes one
                        self._close(running, "FAIL")
                    return reaper.died(self._session.study, self._session.checkpoints, number, how, again)
                except UpdateFinishedTrialError:
                    return self._late(running)

    def abandon(self) -> None:
        """Work at no trial any more; who looks for abandoned ones finds those that have not ended.

        What their workers have written of models goes: nobody sends it.
        """
        self._abandoned.set()
        with self._turn:
            while self._running:
                running = self._running.popitem()[1]
                running.mark.close()
                running.run.when_created(lambda run_id: drop_folder(self._session.store, run_id))

    def is_walked(self) -> bool:
        """Whether the space has no point left."""
        return is_walked(self._session.study)

    def _task(self, trial: optuna.Trial) -> TrialTask:
        trials = self._session.study.get_trials(deepcopy=False)
        frozen = trials[trial.number]
        fixed = dict(frozen.system_attrs.get("fixed_params", {}))
        return TrialTask(
            trial.number,
            attributes=dict(trial.user_attrs),
            fixed=fixed,
            drawn=() if fixed else drawn_ahead(self._plan.study, trial.study, trials, frozen),
            known=self._known.update(trials),
            first=lineage(trials, frozen)[0].number,
            origin=origin(trials, frozen).number,
            asks_for_firsts=hasattr(trial.study.sampler, "firsts"),
            driver=self.address,
            elsewhere=self._elsewhere,
        )

    def _tags(self, trial: optuna.Trial, task: TrialTask) -> Mapping[str, str]:
        tags = {"seed": str(seed_of(trial.user_attrs, self._plan.study.seed, task.origin))} | tags_of(trial.user_attrs)
        named = (RETRY_OF, CONTINUES, SPACE_VERSION)
        return tags | {name: str(value) for name, value in trial.user_attrs.items() if name in named}

    def _record(self, running: RunningTrial, ended: TrialEnd) -> TrialOutcome:
        """Bring the trial's run to its end; the outcome, which is another one where that fails."""
        try:
            running.apply(ended.events)
            self._close(running, ended.outcome.state)
        except (OSError, TrackingError) as error:
            try:
                return lost(running.trial, error)
            except OSError as full:  # the journal is on that disk, too
                if (fault := machine_fault(full)) is None:
                    raise
                return TrialOutcome(running.trial.number, OutcomeState.INTERRUPTED, error=fault, halt=fault)
        return ended.outcome

    def _late(self, running: RunningTrial) -> TrialOutcome:
        """The outcome of a trial that was given up, and counted, already; what the study says of it stays, and its run
        says the same."""
        with running.mark:
            store, writer, first = self._session.store, self._session.writer, running.task.first
            running.run.when_created(lambda run_id: writer.submit(close_run, store, run_id, "FAIL", "FAILED", GIVEN_UP))
            if first not in held(self._session.study):
                self._session.checkpoints.forget(first)
            return TrialOutcome(running.trial.number, OutcomeState.NONE)

    def _close(self, running: RunningTrial, state: str) -> None:
        running.trial.set_user_attr(RUN_ID, running.run.run_id)
        running.run.state = state
        running.run.close()

    def _forget_files(self, running: RunningTrial, outcome: TrialOutcome) -> None:
        """Remove what no attempt will go on from; a file that stays is found by `sweeps doctor`."""
        with contextlib.suppress(OSError):
            if outcome.state != OutcomeState.INTERRUPTED:
                self._session.checkpoints.forget(running.task.first)
            if outcome.state == OutcomeState.COMPLETE:
                final_states.forget(self._session.study, self._plan.study)


def _note_run(trial: optuna.Trial, run_id: str) -> None:
    # in the writer's thread, which waits for nobody
    with contextlib.suppress(UpdateFinishedTrialError, OSError):  # it was given up; a full disk is told of later
        trial.storage.set_trial_user_attr(trial._trial_id, RUN_ID, run_id)


@contextlib.contextmanager
def driving(
    client: Client, session: StudySession, plan: TrialPlan, epoch: Callable[[EpochReport], None] = lambda _: None
) -> Iterator[Driver]:
    """A driver that the workers can reach while the block runs; what runs at its end is abandoned."""
    driver = Driver(session, plan, epoch, elsewhere=client.cluster is None)
    with listening(client, driver.answer) as driver.address:
        try:
            yield driver
        finally:
            driver.abandon()


def _failed(number: int, error: BaseException) -> TrialEnd:
    """The end of a trial whose worker could not run it: left unfinished where the machine is at fault."""
    said, fault = without_passwords(f"{type(error).__name__}: {error}"), machine_fault(error)
    state = OutcomeState.INTERRUPTED if fault else OutcomeState.FAIL
    attributes = {ERROR: said} | ({CUT_SHORT: INTERRUPTION} if fault else {})
    events = [["set_user_attr", *one] for one in attributes.items()] + [["set_tags", {"error": said[:500]}]]
    return TrialEnd(TrialOutcome(number, state, error=said, halt=fault), events)


def _conclude(trial: optuna.Trial, outcome: TrialOutcome) -> None:
    interrupted = outcome.state == OutcomeState.INTERRUPTED
    trial.study.tell(trial, outcome.value, TrialState.FAIL if interrupted else TrialState[outcome.state])
