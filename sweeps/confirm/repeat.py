"""The repetitions as trials of a study of their own, beside the study that they confirm.

So all that holds for trials holds for them: they run in parallel, an interrupted one goes on where it was, each has its
run in MLflow, and `sweeps doctor` checks them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import optuna
from optuna.trial import TrialState

from sweeps.config import PASSING
from sweeps.confirm.finalists import Candidate, Repetitions, lacking
from sweeps.engine.dispatcher import Dispatcher
from sweeps.engine.driver import driving
from sweeps.engine.scheduler import Limits, Scheduler, SearchBegun, Watcher
from sweeps.engine.scratch import DataFile
from sweeps.engine.search import named, recorded_as, versions
from sweeps.engine.session import StudySession
from sweeps.errors import InputError
from sweeps.space.fingerprint import SPACE_VERSION
from sweeps.study import results, retries
from sweeps.study import study as studies
from sweeps.study.attributes import CONFIG, COUNTS_FAILED, OUTCOME, PARENT_RUN, REPETITION, TOTAL
from sweeps.study.budget import Budget
from sweeps.study.record import confirming, in_reach, store_of
from sweeps.study.rounds import ONE
from sweeps.system import paths, signals
from sweeps.trial.plan import CheckedSweep
from sweeps.trial.reaper import take_up
from tracking import DataDescription, Store, SweepResults, begin_sweep, end_sweep


def repeat(
    checked: CheckedSweep,
    wanted: Sequence[Candidate],
    repetitions: Repetitions,
    jobs: int,
    dispatcher: Dispatcher,
    watcher: Watcher,
    data: DataFile | None,
) -> optuna.Study:
    """Train the repetitions that are missing; the study whose trials all of them are.

    Args:
        checked: the sweep of the study that is confirmed.
        data: a dataset that was sent to the workers; None: they load what the plan names.

    Raises:
        InputError: another process confirms the study.
    """
    name = checked.config.study
    store = confirming(store_of(name), name)
    # a repetition is not compared with the others while it is trained
    ref = replace(checked.ref, journal=paths.confirm_journal(name), pruner="none", pruner_options={}, rounds=ONE)

    def prepare(session: StudySession) -> None:
        _prepare(session, checked, wanted, repetitions)

    with signals.deferred(), recorded_as(ref, checked, store, Budget(trials=1), prepare, _end) as session:
        study = session.study
        repairs = tuple(finding.line(repaired=True) for finding in session.repaired)
        watcher.begin(SearchBegun(checked.found.objective, warnings=repairs))
        plan = checked.plan(study.user_attrs.get(SPACE_VERSION))
        # its finalists have kept the constraints
        plan = replace(plan, study=ref, models_kept=None, constraints=())
        # a configuration that diverges fails each time, and is reported as such
        limits = Limits(failures=session.budget.trials + 1)
        with driving(dispatcher.client, session, plan, watcher.epoch) as driver:
            Scheduler(dispatcher, driver, plan, jobs, session, watcher, limits, data).run()
    return study


def _prepare(
    session: StudySession, checked: CheckedSweep, wanted: Sequence[Candidate], repetitions: Repetitions
) -> None:
    """Retries of what was interrupted, repetitions that are missing, attributes of the study, and its run in MLflow."""
    study, alone = session.study, list[bool]()
    session.if_alone(lambda: alone.append(True))
    if not alone:
        raise InputError(f"another process is confirming study {study.study_name!r}; wait for its end")
    study.set_user_attr(COUNTS_FAILED, True)
    study.set_user_attr(CONFIG, checked.config.model_dump(mode="json", exclude=PASSING))
    take_up(study, session.checkpoints, len(study.get_trials(deepcopy=False)))
    version = study.user_attrs.get(SPACE_VERSION)
    for repetition in lacking(study, wanted, repetitions):
        retries.enqueue(study, named(repetition["point"], version), {REPETITION: repetition})
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    total = len(studies.counted(study)) + len(waiting)
    study.set_user_attr(TOTAL, total)
    session.budget = Budget(trials=total, epochs_a_trial=checked.config.epochs)
    source = checked.request.source
    described = DataDescription(source.short_name, checked.found.digest, checked.config.dataset)
    known = study.user_attrs.get(PARENT_RUN)
    study.set_user_attr(OUTCOME, None)
    tags = versions() | {"objective": checked.found.objective.metric}
    with in_reach():
        run_id = begin_sweep(session.store, known, _options(repetitions), tags, described)
    study.set_user_attr(PARENT_RUN, run_id)


def _options(repetitions: Repetitions) -> dict[str, object]:
    return {"method": repetitions.method, "seeds": list(repetitions.seeds)}


def _end(study: optuna.Study, store: Store, parent: str, outcome: str) -> None:
    """Close the run.

    Raises:
        BackendUnreachable: the store is away; the study has all results.
    """
    with in_reach():
        states = {state: count for state, count in results.status(study).trials.items() if count}
        end_sweep(store, parent, outcome, SweepResults({f"trials.{state}": n for state, n in states.items()}))
    study.set_user_attr(OUTCOME, outcome)
