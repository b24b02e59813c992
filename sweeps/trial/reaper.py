"""Trials whose process is gone: failed in the study, closed in MLflow, and tried again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeps.study import retries
from sweeps.study.attributes import CUT_SHORT, DEATH, ERROR, INTERRUPTION, PARAMS, PARENT_RUN, RUN_ID
from sweeps.study.claims import Claims
from sweeps.study.retries import DEATHS
from sweeps.study.study import own
from sweeps.trial.checkpoint import Checkpoints
from sweeps.trial.plan import OutcomeState, TrialOutcome
from tracking import Store, close_trial

GONE = "its process ended before the trial did"


def reap(
    study: optuna.Study,
    store: Store,
    claims: Claims | None = None,
    error: str = GONE,
    close: Callable[[Store, str, int, str | None, str], str | None] = close_trial,
) -> list[int]:
    """Give up every trial that is RUNNING though no process works at it; their numbers.

    Args:
        claims: tell who works at what; None: nobody does, since the caller is alone with the study (see
            `locks.present`).
        error: what is known of their end.
        close: ends a trial's run; as `close_trial`.
    """
    parent = study.user_attrs.get(PARENT_RUN) or ""
    with claims.turn() if claims else contextlib.nullcontext():
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        stale = claims.abandoned(study) if claims else running
        for trial in stale:
            known = trial.user_attrs.get(RUN_ID)
            run_id = close(store, parent, trial.number, known, error)
            _fail(study, trial, {ERROR: error, CUT_SHORT: INTERRUPTION} | ({RUN_ID: run_id} if run_id else {}))
    return [trial.number for trial in stale]


def died(study: optuna.Study, checkpoints: Checkpoints, number: int, how: str, again: bool = True) -> TrialOutcome:
    """Fail a trial whose worker has died, and let it be tried again; its run is closed already.

    Args:
        how: what is known of the worker's end.
        again: whether it may be tried again.

    Returns:
        How the trial ended: KILLED where it is tried again, FAIL where it has had its tries.
    """
    trials = study.get_trials(deepcopy=False)
    trial = trials[number]
    last = retries.deaths(trials, trial) + 1 >= DEATHS
    error = f"{how}; given up, its worker has died {DEATHS} times" if last and again else how
    _fail(study, trial, {ERROR: error} | ({CUT_SHORT: DEATH} if again else {}))
    if last or not again:
        checkpoints.forget(retries.lineage(trials, trial)[0].number)
    else:
        retries.retry(study, number)
    params = trial.user_attrs.get(PARAMS, trial.params)
    state = OutcomeState.FAIL if last or not again else OutcomeState.KILLED
    return TrialOutcome(number, state, params=params, error=error)


def take_up(study: optuna.Study, checkpoints: Checkpoints, missing: int) -> None:
    """Let trials that earlier sweeps have not brought to their end go on, as many as are missing; the checkpoints of
    all others are removed.

    Only for who is alone with the study.
    """
    for trial in own(retries.unfinished(study))[:missing]:
        retries.retry(study, trial.number)
    checkpoints.keep(retries.held(study))


def _fail(study: optuna.Study, trial: FrozenTrial, attributes: Mapping[str, str]) -> None:
    for name, value in attributes.items():
        study._storage.set_trial_user_attr(trial._trial_id, name, value)
    # not `tell`, by which a grid's sampler stops a study that is in no `optimize`, and so raises
    study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
