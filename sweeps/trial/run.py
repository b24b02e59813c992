"""One trial as a task of a worker: run as the driver has drawn it; what comes of it, the driver records."""

from __future__ import annotations

import os
import socket
import time
import traceback
from dataclasses import replace

import optuna
from keras_tuner.errors import FailedTrialError

from sweeps.data import Dataset, load
from sweeps.errors import comes_of, without_passwords
from sweeps.space.resolve import explain, fatal_kind
from sweeps.study.attributes import CUT_SHORT, ERROR, INTERRUPTION, REPETITION
from sweeps.study.draft import NothingNew
from sweeps.study.retries import LateResult
from sweeps.system import worker_process
from sweeps.training import clear_session
from sweeps.trial import final_states
from sweeps.trial.checkpoint import Checkpoints
from sweeps.trial.epochs import TrialInterrupted
from sweeps.trial.faults import fault_of, lost
from sweeps.trial.files import SentCheckpoints
from sweeps.trial.line import DriverLost, line_to
from sweeps.trial.messages import Messages
from sweeps.trial.objective import TrialOverdue, objective
from sweeps.trial.plan import OutcomeState, TrialBegun, TrialOutcome, TrialPlan
from sweeps.trial.proxies import RunProxy, TrialProxy
from sweeps.trial.repetition import rows_of, seed_of
from sweeps.trial.resume import AnyCheckpoints, TrialProgress, progress_of
from sweeps.trial.task import TrialEnd, TrialTask
from tracking import TrackingError


def run_trial(plan: TrialPlan, task: TrialTask, data: Dataset | None) -> TrialEnd:
    """Run a trial.

    Args:
        data: what was sent to this worker; None: it loads what the plan names.

    Raises:
        LateResult: the driver has given up the trial meanwhile.
    """
    messages = Messages(line_to(task.driver), task.number)
    checkpoints: AnyCheckpoints = Checkpoints(plan.study.checkpoints)
    states: AnyCheckpoints = Checkpoints(plan.study.states)
    if task.elsewhere:
        checkpoints, states = SentCheckpoints(messages, "checkpoints"), SentCheckpoints(messages, "states")
    else:
        worker_process.log_to(plan.study.journal.parent / "workers.log")
    trial, run = TrialProxy(task, messages), RunProxy(messages)
    if worker_process.stop_requested():
        outcome = _interrupted(trial, run, "interrupted before its first epoch")
        return TrialEnd(outcome, messages.events)
    run.set_tags({"worker": f"{socket.gethostname()}:{os.getpid()}"})
    worker_process.send("begun", TrialBegun(_dask_task()))
    progress, began = progress_of(task, checkpoints, states), time.perf_counter()
    try:
        outcome = _attempt(trial, plan, rows_of(task.attributes, data or load(plan.source)), run, progress)
    except (OSError, TrackingError) as error:  # a disk is full, or the record out of reach for minutes
        outcome = lost(trial, error)
    finally:
        progress.close()
        clear_session()
    again = progress.rounds or REPETITION in task.attributes  # of which none is continued
    if outcome.state == OutcomeState.COMPLETE and progress.last is not None and progress.keep and not again:
        final_states.keep(task.number, states, progress.last)
    return TrialEnd(replace(outcome, seconds=time.perf_counter() - began), messages.events)


def _dask_task() -> str:
    """The name of the Dask task that is running; empty outside of a worker."""
    from distributed import get_worker

    try:
        return str(get_worker().get_current_task())
    except ValueError:
        return ""


def _attempt(trial: TrialProxy, plan: TrialPlan, data: Dataset, run: RunProxy, progress: TrialProgress) -> TrialOutcome:
    """Run the objective."""
    seed = seed_of(trial.user_attrs, plan.study.seed, progress.origin)
    try:
        value = objective(trial, plan, data, run, seed, progress)
    except (LateResult, DriverLost):
        raise
    except optuna.TrialPruned as pruned:
        run.describe(str(pruned))
        return TrialOutcome(trial.number, OutcomeState.PRUNED)
    except TrialInterrupted as stop:
        return _interrupted(trial, run, str(stop))
    except NothingNew:
        error = _remember(trial, run, "every configuration that was drawn is trained already, or being trained")
        return TrialOutcome(trial.number, OutcomeState.FAIL, error=error, again=False, exhausted=True)
    except TrialOverdue as late:
        return TrialOutcome(trial.number, OutcomeState.FAIL, error=_remember(trial, run, str(late)))
    except Exception as error:  # whatever a user's model raises fails this trial, not the sweep
        if fault_of(error):
            raise
        run.log_text(without_passwords(traceback.format_exc()), "error.txt")
        # KerasTuner's words: not to be tried again; not to be followed by any other trial
        again, fatal = not comes_of(error, FailedTrialError), fatal_kind(error)
        failed = TrialOutcome(trial.number, OutcomeState.FAIL, error=_remember(trial, run, explain(error)))
        return replace(failed, again=again, fatal=fatal)
    return TrialOutcome(trial.number, OutcomeState.COMPLETE, value)


def _interrupted(trial: TrialProxy, run: RunProxy, why: str) -> TrialOutcome:
    trial.set_user_attr(CUT_SHORT, INTERRUPTION)
    return TrialOutcome(trial.number, OutcomeState.INTERRUPTED, error=_remember(trial, run, why))


def _remember(trial: TrialProxy, run: RunProxy, error: str) -> str:
    trial.set_user_attr(ERROR, error)
    run.set_tags({"error": error[:500]})
    run.describe(error)
    return error
