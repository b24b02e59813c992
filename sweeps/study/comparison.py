"""Studies side by side: what differs in what was asked for, and what each has found for the same effort."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeps.study import confirmation, results
from sweeps.study import study as studies
from sweeps.study.attributes import CONFIG, IDENTITY
from sweeps.study.budget import had, spent
from sweeps.study.study import objective_of, own

#: of each study, in the order of their names
Values = list[Any]


@dataclass(frozen=True)
class Comparison:
    """Studies side by side; its fields are those of `sweeps compare --json`, where lists are in the order of `studies`.

    Attributes:
        objective: the metric; None if they have different ones.
        direction: "maximize" or "minimize"; None if they have different ones.
        note: why the values say less than they seem to; "" if they do not.
        options: of `sweeps run`, by name, those that differ.
        space: the hyperparameters that the spaces declare in different ways, by name, as text; None where one has none
            of that name.
        figures: by name: counts of trials, "epochs", "seconds", "best", the best "after N trials each" and "after N
            epochs each", "confirmed" where one has a confirmation.
        params: the hyperparameters of the best trials that differ, by name.
    """

    studies: list[str]
    objective: str | None
    direction: str | None
    note: str
    options: dict[str, Values]
    space: dict[str, Values]
    figures: dict[str, Values]
    params: dict[str, Values]

    @property
    def rows(self) -> list[tuple[str, str, Values]]:
        """All of it as rows: part, name, values."""
        parts = {"option": self.options, "space": self.space, "figure": self.figures, "best": self.params}
        return [(part, name, values) for part, found in parts.items() for name, values in found.items()]


def compare(names: Sequence[str]) -> Comparison:
    """Compare studies of this workspace.

    Raises:
        InputError: there is no such study, or it was not begun.
        CorruptStore: a journal cannot be read.
    """
    found = [results.open_study(name) for name in names]
    objectives = [objective_of(study) for study in found]
    leaders = [next(iter(results.top(study, 1)), None) for study in found]
    alike = len({(objective.metric, objective.direction) for objective in objectives}) == 1
    return Comparison(
        list(names),
        objectives[0].metric if alike else None,
        objectives[0].direction if alike else None,
        _note(found, alike),
        _differing([_options(study) for study in found]),
        _differing([study.user_attrs[IDENTITY].get("hyperparameters", {}) for study in found]),
        _figures(found),
        _differing([dict(row.params) if row else {} for row in leaders]),
    )


def _note(found: Sequence[optuna.Study], alike: bool) -> str:
    if not alike:
        return "the objectives differ: their values do not compare"
    if len({study.user_attrs[IDENTITY]["digest"] for study in found}) > 1:
        return "the data differ: the values are of other rows"
    if len({repr(study.user_attrs.get(CONFIG, {}).get("folds")) for study in found}) > 1:
        return "the values are of other rows: with --folds they are means over all of them"
    return ""


def _options(study: optuna.Study) -> dict[str, Any]:
    known = {name: value for name, value in study.user_attrs.get(CONFIG, {}).items() if name not in ("study", "jobs")}
    objective = objective_of(study)
    metrics = ", ".join((objective.metric, *objective.others))
    return known | {"objective": metrics, "data": study.user_attrs[IDENTITY]["digest"][:12]}


def _differing(found: Sequence[Mapping[str, Any]]) -> dict[str, Values]:
    names = dict.fromkeys(name for each in found for name in each)
    rows = {name: [each.get(name) for each in found] for name in names}
    return {name: values for name, values in rows.items() if any(value != values[0] for value in values)}


def _figures(found: Sequence[optuna.Study]) -> dict[str, Values]:
    now = [results.status(study) for study in found]
    figures: dict[str, Values] = {
        f"{state} trials": [status.trials[state] for status in now] for state in ("COMPLETE", "PRUNED", "FAIL")
    }
    figures["epochs"] = [status.epochs_spent for status in now]
    figures["seconds"] = [round(sum(_seconds(trial) for trial in _finished(study)), 1) for study in found]
    figures["best"] = [status.best for status in now]
    if (trials := min(len(_finished(study)) for study in found)) > 0:
        figures[f"best after {trials} trials each"] = [_best(study, trials, lambda _: 1) for study in found]
    if (epochs := min(map(spent, found))) > 0:
        figures[f"best after {epochs} epochs each"] = [_best(study, epochs, had) for study in found]
    confirmed = [confirmation.current(study) for study in found]
    if any(confirmed):
        figures["confirmed"] = [each.best.mean if each else None for each in confirmed]
    return figures


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    """The COMPLETE and PRUNED trials in the order in which they ended."""
    trials = own(study.get_trials(deepcopy=False, states=studies.FINISHED))
    return sorted(trials, key=lambda trial: trial.datetime_complete.timestamp() if trial.datetime_complete else 0.0)


def _seconds(trial: FrozenTrial) -> float:
    return trial.duration.total_seconds() if trial.duration else 0.0


def _best(study: optuna.Study, most: int, cost: Callable[[FrozenTrial], int]) -> float | None:
    """The best value of the trials that had ended before all together cost more than `most`."""
    within, left = [], most
    for trial in _finished(study):
        left -= cost(trial)
        if left < 0:
            break
        within.append(trial)
    complete = [trial for trial in within if trial.state == TrialState.COMPLETE]
    return next((trial.value for trial in objective_of(study).ranked(complete)), None)
