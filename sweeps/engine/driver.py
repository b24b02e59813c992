"""The driver's side of the trials that workers run: it alone draws them, writes the study, and writes the record."""

from __future__ import annotations

import contextlib
import json
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import optuna
from distributed import Client
from optuna.distributions import json_to_distribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from sweeps.engine.dispatcher import Ended
from sweeps.engine.listener import listening
from sweeps.engine.session import StudySession
from sweeps.errors import machine_fault, without_passwords
from sweeps.space.fingerprint import SPACE_VERSION
from sweeps.space.known import KnownParameters
from sweeps.study import kept_models
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
from sweeps.study.draft import Draft, Repeated
from sweeps.study.points import is_walked
from sweeps.study.retries import LateResult, held, lineage, origin, place
from sweeps.trial import final_states, reaper
from sweeps.trial.checkpoint import Checkpoints
from sweeps.trial.faults import lost
from sweeps.trial.files import unpack_model
from sweeps.trial.line import DriverLost
from sweeps.trial.plan import EpochReport, OutcomeState, TrialOutcome, TrialPlan
from sweeps.trial.repetition import seed_of, tags_of
from sweeps.trial.task import Drawn, Event, Kept, TrialEnd, TrialTask
from tracking import DataDescription, ModelPlace, TrackingError, TrialRun, close_run

GIVEN_UP = "given up before its result came"
#: seconds between two looks for the end of the sweep, while the store is waited for
_INTERVAL = 0.5
#: what a worker may call of its trial and of its run
_OF_TRIAL = frozenset({"set_user_attr", "set_constraint", "report"})
_OF_RUN = frozenset({"log_params", "log_metrics", "rename", "describe", "set_tags", "log_text"})


@dataclass
class _Running:
    """A trial that a worker has.

    Attributes:
        mark: says to other drivers that this one works at the trial, until it is closed.
        exhausted: the sampler has walked all of its grid.
    """

    trial: optuna.Trial
    run: TrialRun
    draft: Draft
    task: TrialTask
    mark: contextlib.ExitStack
    exhausted: list[bool]


class Driver:
    """Gives out trials, answers what their workers ask, and brings them to their end.

    Workers are answered in threads of their own; what this process does meanwhile waits its turn.

    Args:
        address: at which the workers find this driver.
        epoch: told of each epoch of a running trial.
        elsewhere: the workers do not share this machine's disk.
    """

    def __init__(
        self,
        session: StudySession,
        plan: TrialPlan,
        epoch: Callable[[EpochReport], None] = lambda _: None,
        elsewhere: bool = False,
    ) -> None:
        self.address, self._elsewhere = "", elsewhere
        self._session, self._plan, self._epoch = session, plan, epoch
        self._running: dict[int, _Running] = {}
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
            trial = stack.enter_context(claim)
            if trial is None:
                return None
            exhausted: list[bool] = []
            # a sampler that has walked all of its grid calls this
            trial.study.stop = lambda: exhausted.append(True)  # type: ignore[method-assign]
            if plan.space_version is not None:
                trial.set_user_attr(SPACE_VERSION, plan.space_version)
            task = self._task(trial)
            run = TrialRun(self._session.writer, study.user_attrs[PARENT_RUN], trial.number, self._tags(trial, task))
            run.when_created(lambda run_id: _note_run(trial, run_id))
            draft = Draft(trial, plan.study, self._session.claims.turn)
            with self._turn:
                self._running[trial.number] = _Running(trial, run, draft, task, stack.pop_all(), exhausted)
            return task

    def answer(self, question: bytes) -> bytes:
        """The answer to a worker's question, or the error that it raises."""
        try:
            head, _, attachment = question.partition(b"\n")
            number, events, asked, arguments = json.loads(head)
            with self._turn:
                running = self._running.get(number)
                if running is None:
                    raise LateResult(GIVEN_UP)
                self._apply(running, events)
                answer = self._answer(running, asked, arguments, attachment)
            if asked == "kept":  # the store may be slow, which is this worker's concern alone
                model, state = answer
                answer = Kept(self._place(running) if model else None, state)
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
        """Work at no trial any more; who looks for abandoned ones finds those that have not ended."""
        self._abandoned.set()
        with self._turn:
            while self._running:
                self._running.popitem()[1].mark.close()

    def is_walked(self) -> bool:
        """Whether the space has no point left."""
        return is_walked(self._session.study)

    def _task(self, trial: optuna.Trial) -> TrialTask:
        trials = self._session.study.get_trials(deepcopy=False)
        frozen = trials[trial.number]
        return TrialTask(
            trial.number,
            attributes=dict(trial.user_attrs),
            fixed=dict(frozen.system_attrs.get("fixed_params", {})),
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

    def _apply(self, running: _Running, events: Sequence[Event]) -> None:
        """Do to the trial and to its run what the worker has done to its own."""
        for what, *arguments in events:
            if what in _OF_TRIAL:
                getattr(running.trial, what)(*arguments)
            elif what in _OF_RUN:
                getattr(running.run, what)(*arguments)
            elif what == "log_score":
                name, value, step, uri, data = arguments
                running.run.log_score(name, value, step, uri, DataDescription(*data))
            elif what == "draw":
                _draw(running, *arguments)
            elif what == "store":
                running.draft.store()
            elif what == "epoch":
                self._epoch(EpochReport(running.trial.number, *arguments))
            else:
                raise ValueError(f"a worker told what no driver knows: {what!r}")

    def _answer(self, running: _Running, asked: str, arguments: Sequence[Any], attachment: bytes) -> Any:
        match asked:
            case "draw":
                return _draw(running, *arguments)
            case "should_prune":
                return running.trial.should_prune()
            case "check" | "settle":
                try:
                    getattr(running.draft, asked)()
                except Repeated:
                    return True
                return False
            case "redraw":
                return self._redraw(running)
            case "kept":
                return self._kept(running, *arguments)
            case "place":
                return place(self._session.study.get_trials(deepcopy=False), running.trial.number)
            case "save" | "load":
                kind, number = arguments
                return self._file(running, kind, number, attachment if asked == "save" else None)
            case "model":
                unpack_model(attachment, running.run.spool)
                return None
            case "told":
                return None
        raise ValueError(f"a worker asked what no driver knows: {asked!r}")

    def _file(self, running: _Running, kind: str, number: int, content: bytes | None) -> bytes | None:
        """Keep a checkpoint of a trial's, or give one of those that it begins with."""
        trial, ref = running.trial, self._plan.study
        if number not in (trial.number, running.task.first, trial.user_attrs.get(CONTINUES)):
            raise ValueError(f"trial {trial.number} has no file of trial {number}")
        checkpoints = Checkpoints({"checkpoints": ref.checkpoints, "states": ref.states}[kind])
        if content is None:
            return checkpoints.content(number)
        checkpoints.put(number, content)
        return None

    def _redraw(self, running: _Running) -> bool:
        """Whether the next sampler asks for the default values.

        Raises:
            NothingNew: there is none.
        """
        running.draft.redraw()
        return hasattr(running.trial.study.sampler, "firsts")

    def _kept(self, running: _Running, value: float | None) -> tuple[bool, bool]:
        """Whether the model and the last state are to be kept of a trial that has come to its end with this value."""
        trial, plan = running.trial, self._plan
        continues = CONTINUES in trial.user_attrs  # it was asked for by name

        def among(most: int | None) -> bool:
            return continues or kept_models.is_kept(trial.study, plan.objective, trial.number, value, most)

        return among(plan.models_kept), among(final_states.KEPT)

    def _record(self, running: _Running, ended: TrialEnd) -> TrialOutcome:
        """Bring the trial's run to its end; the outcome, which is another one where that fails."""
        try:
            self._apply(running, ended.events)
            self._close(running, ended.outcome.state)
        except (OSError, TrackingError) as error:
            try:
                return lost(running.trial, error)
            except OSError as full:  # the journal is on that disk, too
                if (fault := machine_fault(full)) is None:
                    raise
                return TrialOutcome(running.trial.number, OutcomeState.INTERRUPTED, error=fault, halt=fault)
        return ended.outcome

    def _late(self, running: _Running) -> TrialOutcome:
        """The outcome of a trial that was given up, and counted, already; what the study says of it stays, and its run
        says the same."""
        with running.mark:
            store, writer, first = self._session.store, self._session.writer, running.task.first
            running.run.when_created(lambda run_id: writer.submit(close_run, store, run_id, "FAIL", "FAILED", GIVEN_UP))
            if first not in held(self._session.study):
                self._session.checkpoints.forget(first)
            return TrialOutcome(running.trial.number, OutcomeState.NONE)

    def _close(self, running: _Running, state: str) -> None:
        running.trial.set_user_attr(RUN_ID, running.run.run_id)
        running.run.state = state
        running.run.close()

    def _forget_files(self, running: _Running, outcome: TrialOutcome) -> None:
        """Remove what no attempt will go on from; a file that stays is found by `sweeps doctor`."""
        with contextlib.suppress(OSError):
            if outcome.state != OutcomeState.INTERRUPTED:
                self._session.checkpoints.forget(running.task.first)
            if outcome.state == OutcomeState.COMPLETE:
                final_states.forget(self._session.study, self._plan.study)

    def _place(self, running: _Running) -> ModelPlace:
        """Where a trial's model is to be written, as soon as its run is there.

        Raises:
            LateResult: the sweep has ended before.
            StoreUnavailable: the run was not created.
        """
        while not running.run.is_created(_INTERVAL):
            if self._abandoned.is_set():
                raise LateResult(GIVEN_UP)
        return running.run.begin_model(running.trial.user_attrs[PARAMS])


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


def _draw(running: _Running, name: str, distribution: str, first: Any) -> Drawn:
    trial = running.trial
    firsts = getattr(trial.study.sampler, "firsts", None)
    if firsts is not None and first is not None:
        firsts[name] = first
    value = trial._suggest(name, json_to_distribution(distribution))
    space = trial.relative_search_space or {}
    return Drawn(value, {one: (space[one], drawn) for one, drawn in (trial._relative_params or {}).items()})


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
