"""What a study has come to: its counts, its trials, its best; read from the study alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeps.errors import CorruptStore, InputError, SweepError
from sweeps.storage.shared import is_alive
from sweeps.study import confirmation, kept_models, pareto
from sweeps.study import study as studies
from sweeps.study.attributes import (
    CUT_SHORT,
    DEFAULTS,
    EPOCH,
    ERROR,
    FIGURES,
    INFEASIBLE,
    INTERRUPTION,
    MODEL_URI,
    N_PARAMS,
    PARAMS,
    RESULT,
    RETRY_OF,
    ROUNDS,
    RUN_ID,
    TOTAL,
)
from sweeps.study.baselines import BaselineRow, baselines
from sweeps.study.budget import UNLIMITED, saved, spent
from sweeps.system import paths
from sweeps.system.commands import hint

#: what a person is told of trials that the end of their sweep has cut short
INTERRUPTED = "INTERRUPTED"
STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING, TrialState.WAITING)


@dataclass(frozen=True)
class Status:
    """How far a study is; its fields are those of `sweeps status --json`.

    Attributes:
        total: None where nobody knows it yet: all points of a grid.
        epochs_spent: epochs that its trials have had.
        epochs_saved: epochs that pruned trials have left.
        interrupted: how many trials, of those in each state, were cut short by the end of their sweep: those in FAIL,
            and in RUNNING though no sweep is.
        infeasible: how many COMPLETE and PRUNED trials break a constraint.
    """

    study: str
    objective: str
    total: int | None
    trials: dict[str, int]
    best: float | None
    baselines: list[BaselineRow] = field(default_factory=list)
    epochs_spent: int = 0
    epochs_saved: int = 0
    interrupted: dict[str, int] = field(default_factory=dict)
    infeasible: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """Trials by the state that a person is told, without those of which there is none."""
        others = {state: count - self.interrupted.get(state, 0) for state, count in self.trials.items()}
        found = others | {INTERRUPTED: sum(self.interrupted.values())}
        return {state: count for state, count in found.items() if count}

    @property
    def in_words(self) -> str:
        """`3 COMPLETE, 1 INTERRUPTED`; empty without trials."""
        counted = ", ".join(f"{count} {state}" for state, count in self.counts.items())
        return counted + (f"; {self.infeasible} beyond the constraints" if self.infeasible else "")


@dataclass(frozen=True)
class Best:
    """The selected trial; its fields are those of `sweeps best --json`.

    Attributes:
        value: the objective of this model, on the validation rows.
        trial: its number; None for the default configuration where only the confirmation has trained it.
        rounds: with `--folds` or `--repeats`: `values`, the objective in each round by its name, whose mean `value`
            is, and their standard deviation `std`. The model is that of the last one.
        confirmed: whether it is the winner of a confirmation, and not only the best value of the search.
        confirmation: what that has shown, see `sweeps.study.confirmation`.
        n_params: the number of the model's weights; None where no trial of an earlier version has said it.
        within: with `--within` what it was chosen by, see `sweeps.study.within`.
        pareto: of a study of several objectives the trials that no other one beats in all of them, see
            `sweeps.study.pareto.rows`; the first has the best value.
    """

    study: str
    objective: str
    value: float
    trial: int | None
    run_id: str
    params: dict[str, Any]
    epoch: int
    model_uri: str
    baselines: list[BaselineRow] = field(default_factory=list)
    rounds: dict[str, Any] | None = None
    confirmed: bool = False
    confirmation: dict[str, Any] | None = None
    n_params: int | None = None
    within: dict[str, Any] | None = None
    pareto: list[dict[str, Any]] | None = None

    @property
    def name(self) -> str:
        """In messages: `trial 7`, or `the default configuration`."""
        return "the default configuration" if self.trial is None else f"trial {self.trial}"


@dataclass(frozen=True)
class TrialRow:
    """One trial; its fields are those of `sweeps list --json`.

    Attributes:
        rounds: see `Best`; of a COMPLETE trial.
        interrupted: its sweep ended before it; the state is FAIL then, or RUNNING though no process works at it.
        retry: the number of the trial that has taken it up; None: none has.
        figures: what a COMPLETE trial has beside its value: the other objectives and what constraints are about.
        infeasible: which constraint it breaks; None if it breaks none.
    """

    number: int
    state: str
    value: float | None
    params: dict[str, Any]
    run_id: str | None
    seconds: float | None
    error: str | None
    rounds: dict[str, Any] | None = None
    interrupted: bool = False
    retry: int | None = None
    figures: dict[str, float | None] | None = None
    infeasible: str | None = None

    @property
    def shown_state(self) -> str:
        """The state that a person is told."""
        return INTERRUPTED if self.interrupted else self.state

    @property
    def shown_error(self) -> str | None:
        """The error, and which trial has taken it up."""
        taken_up = "" if self.retry is None else f"goes on as trial {self.retry}"
        if self.interrupted:
            taken_up = taken_up or "a resume goes on with it"
        return "; ".join(filter(None, (self.error, taken_up))) or None


@dataclass(frozen=True)
class StudyRow:
    """One study of the workspace; its fields are those of `sweeps list --json`.

    Attributes:
        changed: when its journal was last written, as ISO 8601 in local time.
        error: why it cannot be read; the other figures are missing then.
    """

    study: str
    changed: str
    objective: str = ""
    total: int | None = None
    trials: dict[str, int] = field(default_factory=dict)
    best: float | None = None
    error: str | None = None


def studies_here() -> list[StudyRow]:
    """The studies of the workspace by name."""
    folder = paths.home() / "studies"
    return [_study_row(journal) for journal in sorted(folder.glob("*/journal.log")) if _is_begun(journal)]


def latest() -> str | None:
    """The study of the workspace that has changed last; None where there is none."""
    journals = [journal for journal in (paths.home() / "studies").glob("*/journal.log") if _is_begun(journal)]
    return max(journals, key=lambda journal: journal.stat().st_mtime).parent.name if journals else None


def open_study(name: str) -> optuna.Study:
    """The study of that name in this workspace.

    Raises:
        InputError: there is none.
        CorruptStore: its journal cannot be read.
    """
    return studies.load(name, paths.journal(name))


def status(study: optuna.Study) -> Status:
    """Counts by state, and the best value so far; trials that train another one on are left out."""
    trials = study.get_trials(deepcopy=False)
    counts = {state.name: sum(trial.state == state for trial in studies.own(trials)) for state in STATES}
    total = int(study.user_attrs.get(TOTAL, 0))
    known = None if total == UNLIMITED else total
    best = next((trial.value for trial in _ranked(study)), None)
    metric = studies.objective_of(study).metric
    infeasible = sum(t.state in studies.FINISHED and not studies.is_feasible(t) for t in studies.own(trials))
    cut_short = _interrupted(study)
    interrupted = {
        state.name: sum(trial.number in cut_short for trial in studies.own(trials) if trial.state == state)
        for state in (TrialState.FAIL, TrialState.RUNNING)
    }
    return Status(
        *(study.study_name, metric, known, counts, best, baselines(study), spent(study), saved(study)),
        interrupted=interrupted,
        infeasible=infeasible,
    )


def rows(study: optuna.Study) -> list[TrialRow]:
    """Every trial by number."""
    trials, cut_short = study.get_trials(deepcopy=False), _interrupted(study)
    retries = {trial.user_attrs[RETRY_OF]: trial.number for trial in trials if RETRY_OF in trial.user_attrs}
    return [
        replace(_row(trial), interrupted=trial.number in cut_short, retry=retries.get(trial.number)) for trial in trials
    ]


def value_epochs(study: optuna.Study) -> dict[int, int]:
    """By trial the epoch (from 1) that its value is of: the best one of a COMPLETE trial, the last one of any other."""
    trials = study.get_trials(deepcopy=False)
    epochs = {t.number: t.user_attrs.get(EPOCH) if t.state == TrialState.COMPLETE else t.last_step for t in trials}
    return {number: epoch for number, epoch in epochs.items() if epoch is not None}


def top(study: optuna.Study, n: int) -> list[TrialRow]:
    """The `n` best COMPLETE trials, best first; the earlier one among equals."""
    return [_row(trial) for trial in _ranked(study)[:n]]


def best(study: optuna.Study) -> Best:
    """The winner of the confirmation; without one, the COMPLETE trial with the best finite value of the objective.

    Raises:
        InputError: no trial is complete yet.
    """
    confirmed = confirmation.current(study)
    trial = trial_of(study, confirmed.run_id) if confirmed else next(iter(_ranked(study)), None)
    if trial is None or trial.value is None:
        now = status(study)
        kept = " that keeps its constraints" if now.infeasible else ""
        raise InputError(
            f"study {study.study_name!r} has no COMPLETE trial{kept} to choose from "
            f"({now.in_words or 'no trial at all'})\n"
            f"Go on with: {hint('resume', study.study_name)}"
        )
    found = best_of(study, trial)
    if confirmed is None:
        return found
    return replace(found, trial=confirmed.best.trial, confirmed=True, confirmation=confirmed.summary())


def of_trial(study: optuna.Study, number: int) -> Best:
    """A COMPLETE trial in place of the best one; it may continue another one.

    Raises:
        InputError: there is no such trial.
    """
    trials = study.get_trials(deepcopy=False)
    trial = trials[number] if 0 <= number < len(trials) else None
    if trial is None or trial.state != TrialState.COMPLETE:
        state = "not there" if trial is None else trial.state.name
        raise InputError(f"--trial: a COMPLETE trial of {study.study_name!r} is wanted, {number} is {state}")
    kept_models.check_kept(study, trial)
    return best_of(study, trial)


def best_of(study: optuna.Study, trial: FrozenTrial) -> Best:
    """A COMPLETE trial as the selected one.

    Raises:
        CorruptStore: the journal has lost a part of its result.
    """
    assert trial.value is not None
    run_id, params, epoch, uri = (whole(study, name, trial.user_attrs, trial.number) for name in RESULT)
    metric = studies.objective_of(study).metric
    return Best(
        *(study.study_name, metric, trial.value, trial.number, run_id, params, epoch, uri, baselines(study)),
        rounds=trial.user_attrs.get(ROUNDS),
        n_params=trial.user_attrs.get(N_PARAMS),
        pareto=pareto.rows(study),
    )


def trial_of(study: optuna.Study, run_id: str) -> FrozenTrial | None:
    """The trial of an MLflow run: of the study, or of the one that confirms it."""
    journal = paths.confirm_journal(study.study_name)
    others = [studies.load(study.study_name, journal)] if studies.begun(journal) else []
    trials = (trial for each in (study, *others) for trial in each.get_trials(deepcopy=False))
    return next((trial for trial in trials if trial.user_attrs.get(RUN_ID) == run_id), None)


def whole(study: optuna.Study, name: str, attributes: Mapping[str, Any], trial: int | None = None) -> Any:
    """The attribute of a study or of a trial that always has one.

    Raises:
        CorruptStore: the journal has lost it.
    """
    if attributes.get(name) is None:
        of = "the study" if trial is None else f"trial {trial}"
        raise CorruptStore(
            f"the journal {paths.journal(study.study_name)} is damaged: {of} has no {name}\n"
            f"See: {hint('doctor', study.study_name)}"
        )
    return attributes[name]


def default_trial(study: optuna.Study) -> TrialRow | None:
    """The best COMPLETE trial of the space's default values; None where the study had none of them, or does not say."""
    values = study.user_attrs.get(DEFAULTS)
    if values is None:
        return None
    return next((_row(trial) for trial in _ranked(study) if trial.params == values), None)


def model_uri(study: optuna.Study, number: int) -> str:
    """Where the model of a trial is.

    Raises:
        InputError: there is no such trial, or it has no model.
    """
    trials = study.get_trials(deepcopy=False)
    if 0 <= number < len(trials):
        kept_models.check_kept(study, trials[number])
    if not 0 <= number < len(trials) or not trials[number].user_attrs.get(MODEL_URI):
        raise InputError(f"trial: a COMPLETE trial of {study.study_name!r} is wanted, got {number}")
    return str(trials[number].user_attrs[MODEL_URI])


def _interrupted(study: optuna.Study) -> set[int]:
    """The numbers of the trials that the end of their sweep has cut short; of a sweep that was killed they are RUNNING
    until another one begins."""
    trials = study.get_trials(deepcopy=False)
    running = {trial.number for trial in trials if trial.state == TrialState.RUNNING}
    if running and is_alive(paths.study_folder(study.study_name)):
        running = set()
    return running | {trial.number for trial in trials if trial.user_attrs.get(CUT_SHORT) == INTERRUPTION}


def _is_begun(journal: Path) -> bool:
    try:
        return studies.begun(journal)
    except CorruptStore:
        return True  # its row says so


def _study_row(journal: Path) -> StudyRow:
    name = journal.parent.name
    changed = datetime.fromtimestamp(journal.stat().st_mtime).isoformat(timespec="seconds")
    try:
        found = status(open_study(name))
    except SweepError as error:
        return StudyRow(name, changed, error=str(error).splitlines()[0])
    return StudyRow(name, changed, found.objective, found.total, found.trials, found.best)


def _ranked(study: optuna.Study) -> list[FrozenTrial]:
    return studies.objective_of(study).ranked(study.get_trials(deepcopy=False))


def _row(trial: FrozenTrial) -> TrialRow:
    attributes = trial.user_attrs
    seconds = trial.duration.total_seconds() if trial.duration else None
    value = trial.value if trial.state == TrialState.COMPLETE else _last_report(trial)
    return TrialRow(
        trial.number,
        trial.state.name,
        value,
        attributes.get(PARAMS, trial.params),
        attributes.get(RUN_ID),
        seconds,
        attributes.get(ERROR),
        attributes.get(ROUNDS),
        figures=attributes.get(FIGURES),
        infeasible=attributes.get(INFEASIBLE),
    )


def _last_report(trial: FrozenTrial) -> float | None:
    step = trial.last_step
    return trial.intermediate_values[step] if step is not None else None
