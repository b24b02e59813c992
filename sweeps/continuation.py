"""A finished trial trained on where it stopped: a trial of its own, with the same hyperparameters and seed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

import optuna
from distributed import Client, Future, KilledWorker, wait
from optuna.trial import FrozenTrial, TrialState

from sweeps import attempts, selection, worker, workspace
from sweeps import study as studies
from sweeps.attempts import AFTER, EPOCHS, TRAINED
from sweeps.checkpoint import Checkpoints
from sweeps.claims import Claims
from sweeps.config import SweepConfig
from sweeps.data import load
from sweeps.doctor import tidy, treat
from sweeps.engine import GRACE
from sweeps.errors import InputError, TrialsFailed
from sweeps.models import store_of
from sweeps.nanny import last_words
from sweeps.plan import Preflight, SweepRequest, TrialOutcome, TrialPlan
from sweeps.reaper import died, present, reap
from sweeps.slots import slots
from sweeps.study import CONFIG, CONTINUES, IDENTITY, MODEL_URI, PARENT_RUN, StudyRef
from sweeps.sweep import look, seen
from sweeps.tasks import preflight, run_trial, warm_up


def continue_trial(name: str, number: int, more: int) -> str:
    """Train trial `number` of a study for `more` epochs; returns what to say of it.

    Its last state is kept if it is among the best; otherwise it is trained again from its first epoch, which gives
    the same.

    Raises:
        InputError: there is no such study or trial, it was not finished, or space or data are not what they were.
        BackendUnreachable: the MLflow store is not there.
        TrialsFailed: the training failed.
    """
    study = selection.open_study(name)
    origin = _finished(study, number)
    config = _configuration(study)
    request = look(config)
    load(request.source)  # here too, so that what is wrong with the data is said before anything is started
    begun = _trained(origin)
    # as many threads as the trial had: other sums of floats differ
    with slots(1, config.memory_limit, share=config.jobs) as client:
        warm = client.submit(warm_up, pure=False)
        looking = client.submit(preflight, request, None, pure=False)
        plan = _plan(study, config, request, seen(looking, warm))
        outcome = _run(client, study, plan, lambda: _begin(study, origin, begun, begun + more))
    if outcome.state != "COMPLETE":
        raise TrialsFailed(
            f"trial {outcome.number}, which continues trial {number}, ended {outcome.state}: {outcome.error}"
        )
    made = study.get_trials(deepcopy=False)[outcome.number]
    before = "pruned" if origin.value is None else f"{origin.value:.4f}"
    return (
        f"trial {made.number} continues trial {number} from epoch {begun} to {_trained(made)}: "
        f"{plan.objective.metric} {outcome.value:.4f} (before: {before})\nmodel  {made.user_attrs[MODEL_URI]}"
    )


def _finished(study: optuna.Study, number: int) -> FrozenTrial:
    trials = study.get_trials(deepcopy=False)
    if number >= len(trials) or trials[number].state not in studies.FINISHED:
        state = trials[number].state.name if number < len(trials) else "not there"
        raise InputError(f"--trial: a COMPLETE or PRUNED trial of {study.study_name!r} is wanted, {number} is {state}")
    return trials[number]


def _trained(trial: FrozenTrial) -> int:
    """How many epochs it has had."""
    return int(trial.user_attrs.get(TRAINED) or trial.last_step or 0)


def _configuration(study: optuna.Study) -> SweepConfig:
    known = study.user_attrs.get(CONFIG)
    if known is None:
        raise InputError(
            f"study {study.study_name!r} had its space or its data from a Python program; it cannot be continued here"
        )
    return SweepConfig(**known)


def _plan(study: optuna.Study, config: SweepConfig, request: SweepRequest, found: Preflight) -> TrialPlan:
    """The study's own plan again.

    Raises:
        InputError: the data are not what they were.
        BackendUnreachable: the MLflow store is not there.
    """
    known = study.user_attrs[IDENTITY]
    if known["digest"] != found.digest:
        raise InputError(
            f"dataset: {config.dataset!r} is not what study {study.study_name!r} was begun with: its content differs"
        )
    store = store_of(study.study_name)
    ref = StudyRef(
        config.study, workspace.journal(config.study), config.sampler, config.pruner, config.epochs, config.seed
    )
    objective, parent = studies.objective_of(study), study.user_attrs[PARENT_RUN]
    return TrialPlan(
        *(ref, objective, request.space, request.source, request.set, found.ambiguous, store, parent),
        fitting=request.fitting,
    )


def _begin(study: optuna.Study, origin: FrozenTrial, after: int, epochs: int) -> int:
    """The number of the trial that continues `origin`; one that was cut short, or did not begin, is taken up again."""
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    for trial in (*waiting, *attempts.unfinished(study)):
        if (trial.user_attrs.get(CONTINUES), trial.user_attrs.get(EPOCHS)) == (origin.number, epochs):
            return trial.number if trial.state == TrialState.WAITING else attempts.retry(study, trial.number)
    return attempts.enqueue(study, origin.params, {CONTINUES: origin.number, EPOCHS: epochs, AFTER: after})


def _run(client: Client, study: optuna.Study, plan: TrialPlan, begin: Callable[[], int]) -> TrialOutcome:
    """The trial, as often as its worker dies of it and it is not given up.

    Args:
        begin: gives its number, once what a former start has left is in order.
    """
    folder, store = plan.study.journal.parent, plan.store
    gone = partial(died, study, store, Checkpoints(plan.study.checkpoints))

    def mend() -> None:
        tidy(plan.study.journal)
        treat(study, folder, store)

    with present(folder) as if_alone, contextlib.closing(Claims(folder)) as claims:
        with claims.turn():
            if_alone(mend)
            reap(study, store, claims)
            number = begin()
        try:
            while True:
                future = client.submit(run_trial, plan, 0, None, number, pure=False)
                outcome = _outcome(client, future, gone)
                if outcome.state != "KILLED":
                    return outcome
                (number,) = attempts.followers(study, outcome.number)
        finally:
            reap(study, store, claims)  # whose epoch did not end in time


def _outcome(client: Client, future: Future, gone: Callable[[str, str], TrialOutcome]) -> TrialOutcome:
    try:
        outcome: TrialOutcome = future.result()
    except KilledWorker as death:
        return gone(future.key, last_words(death.last_worker.nanny))
    except BaseException:  # Ctrl-C or SIGTERM: the trial is closed in order, and the same command takes it up again
        client.run(worker.request_stop, nanny=True)
        try:
            wait(future, timeout=GRACE)
        except TimeoutError:
            client.run(worker.kill, again=False, nanny=True, on_error="ignore")
        raise
    return outcome
