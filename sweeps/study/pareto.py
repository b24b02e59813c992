"""The Pareto front of a study: the trials that no other one beats in all objectives."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.trial import FrozenTrial

from sweeps.study.attributes import FIGURES, MODEL_URI, PARAMS, RUN_ID
from sweeps.study.multi_objective import MultiObjectiveView
from sweeps.study.view import StudyView


def front(study: optuna.Study) -> list[FrozenTrial]:
    """The COMPLETE trials of which each is better than any other one in some objective, or equal to it in all; the best
    by the first objective comes first. None for a study of one objective."""
    view = study if isinstance(study, StudyView) else StudyView(study)
    others = view.objective.others
    if not others:
        return []
    numbers = {trial.number for trial in MultiObjectiveView(view, others).best_trials}
    return [trial for trial in view.ranked() if trial.number in numbers]


def rows(study: optuna.Study) -> list[dict[str, Any]] | None:
    """The front as `sweeps best --json` has it: of each trial its number, its values by objective, hyperparameters,
    MLflow run and model. None for a study of one objective."""
    view = StudyView(study)
    if not view.objective.others:
        return None
    return [
        {
            "trial": trial.number,
            "values": values(view, trial),
            "params": trial.user_attrs.get(PARAMS, trial.params),
            "run_id": trial.user_attrs.get(RUN_ID),
            "model_uri": trial.user_attrs.get(MODEL_URI),
        }
        for trial in front(view)
    ]


def sentence(study: optuna.Study) -> str:
    """What is said of the front in a line; "" for a study of one objective, or without a trial."""
    view = StudyView(study)
    numbers = [trial.number for trial in front(view)]
    if not numbers:
        return ""
    directions = {view.objective.metric: view.objective.direction, **view.objective.others}
    listed = ", ".join(f"{name} ({direction[:3]})" for name, direction in directions.items())
    many = f"{len(numbers)} trials" if len(numbers) > 1 else "1 trial"
    return f"Pareto front of {listed}: {many} of {len(view.ranked())}"


def values(view: StudyView, trial: FrozenTrial) -> dict[str, float | None]:
    """The values of a COMPLETE trial by objective, the first one first."""
    figures = trial.user_attrs.get(FIGURES, {})
    return {view.objective.metric: trial.value} | {name: figures.get(name) for name in view.objective.others}
