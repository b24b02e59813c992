"""The result of a confirmation, as `confirmation.json` and in MLflow."""

from __future__ import annotations

from collections.abc import Sequence

import optuna

from sweeps.confirm.finalists import Candidate, Repetitions, best_run, finalists
from sweeps.confirm.verdict import judge
from sweeps.report import sweep_page
from sweeps.study import results
from sweeps.study import study as studies
from sweeps.study.attributes import MODEL_URI, PARENT_RUN, RUN_ID
from sweeps.study.confirmation import Confirmation
from sweeps.study.confirmed import note
from sweeps.study.kept_models import having_models
from sweeps.study.record import in_reach, store_of
from sweeps.system import paths
from sweeps.system.atomic_files import atomic_write
from sweeps.trial.plan import CheckedSweep
from tracking import SweepResults, log_document, log_results


def make_result(
    study: optuna.Study,
    repeating: optuna.Study,
    wanted: Sequence[Candidate],
    repetitions: Repetitions,
    checked: CheckedSweep,
    top: int,
) -> Confirmation:
    """Choose the winner.

    Its model is that of its trial in the study: what the record says of that trial (value, curves, rows) is true of it.
    Of a default configuration without a trial, and of a trial whose model was not kept, it is the model of its best
    repetition.

    Args:
        repeating: the study of the repetitions.

    Raises:
        TrialsFailed: each finalist has a failed repetition.
    """
    objective = checked.found.objective
    judged = judge(finalists(repeating, wanted, repetitions), objective.direction)
    winner = judged.finalists[judged.winner]
    trial = None if winner.trial is None else study.get_trials(deepcopy=False)[winner.trial]
    if trial is None or not having_models(study, [trial]):
        run_id, uri = best_run(repeating, winner, objective.direction)
    else:
        run_id, uri = (str(results.whole(study, name, trial.user_attrs, trial.number)) for name in (RUN_ID, MODEL_URI))
    durations = [trial.duration for trial in repeating.get_trials(deepcopy=False, states=studies.FINISHED)]
    return Confirmation(
        *(study.study_name, objective.metric, objective.direction, checked.config.epochs),
        method=repetitions.method,
        seeds=list(repetitions.seeds),
        top=top,
        rows=dict(checked.found.rows),
        finalists=judged.finalists,
        winner=judged.winner,
        verdict=judged.verdict,
        conclusion=judged.conclusion,
        run_id=run_id,
        model_uri=uri,
        seconds=sum(duration.total_seconds() for duration in durations if duration is not None),
    )


def write(found: Confirmation) -> None:
    """Write `confirmation.json` into the study's folder."""
    with atomic_write(paths.confirmation(found.study)) as file:
        file.write(found.to_json().encode())


def record(study: optuna.Study, found: Confirmation) -> None:
    """Log the result to the MLflow runs of the sweep and of the confirmation; logged again, it changes nothing.

    Raises:
        BackendUnreachable: the store is away; another call logs it.
    """
    confirming = studies.load(study.study_name, paths.confirm_journal(study.study_name))
    winner, metric = found.best, found.objective
    figures = {"confirmed_" + metric: winner.mean, "optimism": winner.optimism, "over_default": winner.difference}
    metrics = {name: value for name, value in figures.items() if value is not None}
    tags = {"confirmed": winner.name, "verdict": found.verdict or "", "conclusion": found.conclusion}
    store = store_of(study.study_name)
    with in_reach():
        for each in (study, confirming):
            run_id = str(results.whole(each, PARENT_RUN, each.user_attrs))
            log_document(store, run_id, "confirmation.json", found.to_json(), metrics, tags)
        log_results(store, run_id, SweepResults({}, note(found)))  # of the confirmation
        sweep = str(study.user_attrs[PARENT_RUN])
        log_results(store, sweep, sweep_page.results_of(study, store, sweep))
        sweep_page.show(study, store)
