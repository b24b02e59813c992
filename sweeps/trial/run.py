"""One trial as a task of a worker: asked of the study, run under its MLflow run, told to the study."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import traceback
from dataclasses import replace

import optuna
from keras_tuner.errors import FailedTrialError
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from sweeps.data import Dataset, load
from sweeps.errors import machine_fault, without_passwords
from sweeps.space.fingerprint import SPACE_VERSION
from sweeps.space.resolve import comes_of, explain, fatal_kind
from sweeps.study.attributes import (
    CONTINUES,
    CUT_SHORT,
    ERROR,
    INFEASIBLE,
    INTERRUPTION,
    PARAMS,
    REPETITION,
    RETRY_OF,
    RUN_ID,
    TASK,
    UNDEFINED,
)
from sweeps.study.claims import claims_of
from sweeps.study.draft import NothingNew
from sweeps.study.points import is_walked
from sweeps.study.retries import LateResult
from sweeps.system import worker_process
from sweeps.training import clear_session
from sweeps.trial import final_states
from sweeps.trial.epochs import TrialInterrupted
from sweeps.trial.objective import TrialOverdue, objective
from sweeps.trial.plan import OutcomeState, TrialBegun, TrialOutcome, TrialPlan
from sweeps.trial.repetition import rows_of, seed_of, tags_of
from sweeps.trial.resume import TrialProgress
from tracking import TrackingError, TrialRun, Unwritable, close_trial

GIVEN_UP = "given up before its result came"


def run_trial(plan: TrialPlan, data: Dataset | None, number: int | None = None) -> TrialOutcome:
    """Ask the study for a trial, run it, tell how it ended.

    Args:
        data: what was sent to this worker; None: it loads what the plan names.
        number: of the waiting trial to run; None: whichever the study gives.

    Raises:
        InputError: that trial does not wait.
    """
    folder = plan.study.journal.parent
    worker_process.log_to(folder / "workers.log")
    if worker_process.stop_requested():
        return TrialOutcome(-1, OutcomeState.NONE)
    study = plan.study.open()
    exhausted: list[bool] = []
    # a sampler that has walked all of its grid calls this
    study.stop = lambda: exhausted.append(True)  # type: ignore[method-assign]
    with claims_of(folder).claim(study, plan.budget, number, plan.study.sampler_of) as trial:
        if trial is None:
            return TrialOutcome(-1, OutcomeState.NONE, exhausted=is_walked(study))
        trial.set_user_attr(TASK, _task())
        progress = final_states.progress_of(study, trial, plan.study)
        started = time.perf_counter()
        worker_process.send("begun", TrialBegun(_task(), trial.number))
        try:
            end = _attempt(trial, plan, rows_of(trial, data or load(plan.source)), progress)
        except UpdateFinishedTrialError as refused:  # what an epoch brought came too late already
            progress.close(forget=False)
            raise _late(trial, plan, refused) from None
        except (OSError, TrackingError) as lost:  # a disk is full, or the record out of reach for minutes
            end = _lost(trial, lost)
        params = trial.user_attrs.get(PARAMS, trial.params)
        # last of all: a trial that counts has nothing left to lose
        try:
            _conclude(study, trial, plan, end)
        except LateResult:
            progress.close(forget=False)  # another attempt may go on from it
            raise
        except OSError as full:  # the trial stays RUNNING; who comes next finds that nobody works at it
            if (fault := machine_fault(full)) is None:
                raise
            end = TrialOutcome(trial.number, OutcomeState.INTERRUPTED, error=fault, halt=end.halt or fault)
        progress.close(forget=end.state != OutcomeState.INTERRUPTED)
        again = progress.rounds or REPETITION in trial.user_attrs  # of which none is continued
        if end.state == OutcomeState.COMPLETE and progress.last is not None and not again:
            final_states.keep(study, trial.number, plan.study, progress.last)
    clear_session()
    seconds = time.perf_counter() - started
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    exhausted_now = end.exhausted or (bool(exhausted) and not waiting)
    undefined, infeasible = trial.user_attrs.get(UNDEFINED, {}), trial.user_attrs.get(INFEASIBLE, "")
    told = replace(end, seconds=seconds, params=params, exhausted=exhausted_now)
    return replace(told, undefined=undefined, infeasible=infeasible)


def _lost(trial: optuna.Trial, lost: OSError | TrackingError) -> TrialOutcome:
    """A trial whose results cannot be kept: left unfinished where the machine is at fault, since those that would end
    well were only the smallest models."""
    error, fault = without_passwords(f"{type(lost).__name__}: {lost}"), _fault(lost)
    if fault is None:
        trial.set_user_attr(ERROR, error)
        return TrialOutcome(trial.number, OutcomeState.FAIL, error=error)
    with contextlib.suppress(OSError):  # the journal may be on that disk
        trial.set_user_attr(ERROR, error)
        trial.set_user_attr(CUT_SHORT, INTERRUPTION)
    return TrialOutcome(trial.number, OutcomeState.INTERRUPTED, error=error, halt=fault)


def _fault(error: BaseException) -> str | None:
    """What is wrong with the machine, where an error comes of that."""
    if comes_of(error, Unwritable):
        return without_passwords(f"the MLflow store cannot be written: {error}")
    return machine_fault(error)


def _conclude(study: optuna.Study, trial: optuna.Trial, plan: TrialPlan, end: TrialOutcome) -> None:
    """Tell the study how the trial ended.

    Raises:
        LateResult: the trial was given up meanwhile; what the study says of it stays, and its run says the same.
    """
    try:
        interrupted = end.state == OutcomeState.INTERRUPTED
        study.tell(trial, end.value, TrialState.FAIL if interrupted else TrialState[end.state])
    except (ValueError, UpdateFinishedTrialError) as refused:
        if not study.get_trials(deepcopy=False)[trial.number].state.is_finished():
            raise
        raise _late(trial, plan, refused) from None


def _late(trial: optuna.Trial, plan: TrialPlan, refused: Exception) -> LateResult:
    """Close the run of a trial that was given up once more, as failed; what to raise."""
    close_trial(plan.store, plan.parent_run, trial.number, trial.user_attrs.get(RUN_ID), GIVEN_UP)
    return LateResult(f"trial {trial.number} was given up, its result came too late: {refused}")


def _task() -> str:
    """The name of the Dask task that is running; empty outside of a worker."""
    from distributed import get_worker

    try:
        return str(get_worker().get_current_task())
    except ValueError:
        return ""


def _attempt(trial: optuna.Trial, plan: TrialPlan, data: Dataset, progress: TrialProgress) -> TrialOutcome:
    """Run the objective in a tracked run."""
    seed = seed_of(trial, plan.study.seed, progress.origin)
    tags = {"seed": str(seed), "worker": f"{socket.gethostname()}:{os.getpid()}"} | tags_of(trial)
    tags |= {name: str(former) for name, former in trial.user_attrs.items() if name in (RETRY_OF, CONTINUES)}
    if plan.space_version is not None:
        trial.set_user_attr(SPACE_VERSION, plan.space_version)
        tags[SPACE_VERSION] = str(plan.space_version)
    with TrialRun(plan.store, plan.parent_run, trial.number, tags) as run:
        trial.set_user_attr(RUN_ID, run.run_id)
        try:
            value = objective(trial, plan, data, run, seed, progress)
        except optuna.TrialPruned as pruned:
            run.state = OutcomeState.PRUNED
            run.describe(str(pruned))
            return TrialOutcome(trial.number, OutcomeState.PRUNED)
        except TrialInterrupted as stop:
            run.state = OutcomeState.INTERRUPTED
            trial.set_user_attr(CUT_SHORT, INTERRUPTION)
            return TrialOutcome(trial.number, OutcomeState.INTERRUPTED, error=_remember(trial, run, str(stop)))
        except NothingNew:
            error = _remember(trial, run, "every configuration that was drawn is trained already, or being trained")
            return TrialOutcome(trial.number, OutcomeState.FAIL, error=error, again=False, exhausted=True)
        except TrialOverdue as late:
            return TrialOutcome(trial.number, OutcomeState.FAIL, error=_remember(trial, run, str(late)))
        except Exception as error:  # whatever a user's model raises fails this trial, not the sweep
            if _fault(error):
                run.state = OutcomeState.INTERRUPTED
                raise
            run.log_text(without_passwords(traceback.format_exc()), "error.txt")
            # KerasTuner's words: not to be tried again; not to be followed by any other trial
            again, fatal = not comes_of(error, FailedTrialError), fatal_kind(error)
            return TrialOutcome(
                trial.number, OutcomeState.FAIL, error=_remember(trial, run, explain(error)), again=again, fatal=fatal
            )
        run.state = OutcomeState.COMPLETE
        return TrialOutcome(trial.number, OutcomeState.COMPLETE, value)


def _remember(trial: optuna.Trial, run: TrialRun, error: str) -> str:
    trial.set_user_attr(ERROR, error)
    run.set_tags({"error": error[:500]})
    run.describe(error)
    return error
