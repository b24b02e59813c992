"""A study in KerasTuner's terms: trials, their scores, metrics and hyperparameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.trial import FrozenTrial, TrialState

from sweeps.errors import InputError, unknown
from sweeps.study import retries
from sweeps.study import study as studies
from sweeps.study.attributes import EPOCH, ERROR, MODEL_URI, PARAMS, RUN_ID
from sweeps.study.kept_models import having_models
from sweeps.tuner.project import Project

_STATUS = {
    TrialState.COMPLETE: TrialStatus.COMPLETED,
    # KerasTuner has no status for a pruned trial
    TrialState.PRUNED: TrialStatus.STOPPED,
    TrialState.FAIL: TrialStatus.FAILED,
    TrialState.RUNNING: TrialStatus.RUNNING,
    TrialState.WAITING: TrialStatus.IDLE,
}


#: KerasTuner's methods that run trials
_OF_A_LOOP = ("create_trial", "end_trial", "populate_space", "score_trial", "update_trial")


class NotAsked(InputError, AttributeError):
    """A method that this oracle does not have; as an AttributeError it makes `hasattr` false."""


@dataclass
class Oracle:
    """A tuner's `oracle`, for reading the study only: trials are proposed by the sampler, and saved as they end.

    Attributes:
        project: the study and its workspace.
        objective: KerasTuner's.
        max_trials: the total number of trials, which may be changed between two searches; None: the whole grid.
        seed: of sampler, weights and shuffles.
        discover: finds the search space.
        asked: KerasTuner's oracle with the arguments of the tuner.
        verbose: kept as it is set.
    """

    project: Project
    objective: keras_tuner.Objective
    max_trials: int | None
    seed: int
    discover: Callable[[], list[kinds.HyperParameter]]
    asked: keras_tuner.Oracle
    verbose: int = 1
    _space: list[kinds.HyperParameter] | None = None

    @property
    def digits(self) -> int:
        """The number of digits of a trial's id."""
        return len(str(self.max_trials))

    def __getattr__(self, name: str) -> Any:
        """What else a tuner was given: `max_retries_per_trial`, `allow_new_entries`, `alpha`, `factor`, ….

        Raises:
            InputError: a method that proposes or ends trials, which workers do here.
            AttributeError: KerasTuner's oracle has no such attribute either.
        """
        if name in _OF_A_LOOP:
            raise NotAsked(
                f"oracle.{name}: the sampler proposes trials in workers; derive a class of KerasTuner's oracle "
                "to have it asked in this process"
            )
        if name.startswith("_") or "asked" not in vars(self):
            raise AttributeError(f"a tuner's oracle has no attribute {name!r}")
        return getattr(self.asked, name)

    @property
    def ongoing_trials(self) -> dict[str, Trial]:
        """The running trials; by their ids, since workers are no tuners."""
        return {name: trial for name, trial in self.trials.items() if trial.status == TrialStatus.RUNNING}

    @property
    def start_order(self) -> list[str]:
        """The ids of the trials in the order in which they started."""
        return list(self._attempts())

    @property
    def end_order(self) -> list[str]:
        """The ids of the finished trials in the order in which they ended."""
        attempts = self._attempts().items()
        ended = [(tried[-1].datetime_complete, trial_id) for trial_id, tried in attempts if tried[-1].datetime_complete]
        return [trial_id for _, trial_id in sorted(ended)]

    def save(self) -> None:
        """Do nothing: the study is saved with each trial."""

    def reload(self) -> None:
        """Read the search space again; trials are read whenever they are asked for."""
        self.forget_space()

    def get_state(self) -> dict[str, Any]:
        """The state that KerasTuner's oracle describes, as far as it is one here."""
        return {
            "ongoing_trials": {name: trial.trial_id for name, trial in self.ongoing_trials.items()},
            "hyperparameters": self.get_space().get_config(),
            "start_order": self.start_order,
            "end_order": self.end_order,
            "seed": self.seed,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Do nothing: the state is the study's."""

    def update_space(self, hyperparameters: keras_tuner.HyperParameters) -> None:
        """Do nothing: what a model asks for is a part of the space at once."""

    @property
    def hyperparameters(self) -> keras_tuner.HyperParameters:
        """The search space with its default values."""
        return self.get_space()

    @property
    def trials(self) -> dict[str, Trial]:
        """All trials by id, in the order in which they started; all attempts at a trial are the same one."""
        return {trial_id: self._trial(trial_id, tried) for trial_id, tried in self._attempts().items()}

    def get_space(self) -> keras_tuner.HyperParameters:
        """A container with all hyperparameters, conditional ones included."""
        if self._space is None:
            self._space = self.discover()
        hp = keras_tuner.HyperParameters()
        hp.merge(self._space)
        return hp

    def forget_space(self) -> None:
        """Discover the search space again: after a search, more hyperparameters may be found."""
        self._space = None

    def get_trial(self, trial_id: str) -> Trial:
        """Raises: KeyError: there is no such trial."""
        padded = str(trial_id).zfill(self.digits)
        return self._trial(padded, self._attempts()[padded])

    def frozen(self, trial_id: str) -> FrozenTrial:
        """Optuna's trial, by its id: the last attempt at it.

        Raises:
            InputError: there is no such trial.
        """
        attempts = self._attempts()
        padded = str(trial_id).zfill(self.digits)
        if padded not in attempts:
            raise unknown("trial", str(trial_id), attempts)
        return attempts[padded][-1]

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """The best trials, best first; complete ones precede all others."""
        attempts = self._attempts()
        return [self._trial(trial_id, attempts[trial_id]) for trial_id in list(self.ranked())[:num_trials]]

    def ranked(self) -> dict[str, FrozenTrial]:
        """All trials of the search by id, best first: complete ones, then pruned ones, then the others."""
        sign = -1 if self.objective.direction == "max" else 1
        order = (TrialState.COMPLETE, TrialState.PRUNED)

        def rank(item: tuple[str, FrozenTrial]) -> tuple[int, float, int]:
            _, trial = item
            group = order.index(trial.state) if trial.state in order else len(order)
            value = self._best(trial)[0]
            return group, sign * value if value is not None else 0.0, trial.number

        last = {trial_id: tried[-1] for trial_id, tried in self._attempts().items() if studies.own(tried)}
        return dict(sorted(last.items(), key=rank))

    def remaining_trials(self) -> int | None:
        """The number of trials still to run; None where the grid decides."""
        study = self.project.open()
        if self.max_trials is None or study is None:
            return self.max_trials
        return studies.missing(study, self.max_trials)

    def model_uri(self, trial: FrozenTrial) -> str | None:
        """The URI of the trial's model; None where it has none."""
        study = self.project.open()
        if study is None or trial.state != TrialState.COMPLETE or not having_models(study, [trial]):
            return None
        return str(trial.user_attrs[MODEL_URI])

    def _attempts(self) -> dict[str, list[FrozenTrial]]:
        """The attempts at each trial by its id; the study has a trial of its own for each."""
        study = self.project.open()
        groups = retries.by_trial(study.get_trials(deepcopy=False)) if study is not None else []
        return {f"{place:0{self.digits}d}": attempts for place, attempts in enumerate(groups)}

    def _trial(self, trial_id: str, attempts: list[FrozenTrial]) -> Trial:
        # these import MLflow: see `sweeps.tuner.base`
        from sweeps.study.record import store_of
        from tracking.experiments import metrics_at

        frozen, status = attempts[-1], _STATUS[attempts[-1].state]
        if frozen.state == TrialState.WAITING and len(attempts) > 1:  # KerasTuner's word for a trial to be tried again
            frozen, status = attempts[-2], TrialStatus.INVALID
        hp = self.get_space()
        hp.values = dict(frozen.user_attrs.get(PARAMS, frozen.params))
        trial = Trial(hp, trial_id, status, _message(attempts))
        value, epoch = self._best(frozen)
        if value is None:
            return trial
        # KerasTuner counts epochs from 0 and keeps the metrics of the best one
        trial.score, trial.best_step = value, epoch - 1
        metrics = {self.objective.name: value}
        if run_id := frozen.user_attrs.get(RUN_ID):
            with self.project.active():
                metrics = metrics_at(store_of(self.project.study), run_id, epoch) | metrics
        for name, metric in metrics.items():
            if not trial.metrics.exists(name):
                trial.metrics.register(name, self.objective.direction if name == self.objective.name else None)
            trial.metrics.update(name, metric, step=epoch - 1)
        return trial

    def _best(self, trial: FrozenTrial) -> tuple[float | None, int]:
        """The best value of the objective, and its epoch, from 1."""
        if trial.state == TrialState.COMPLETE and trial.value is not None:
            return trial.value, int(trial.user_attrs.get(EPOCH, 1))
        values: dict[int, Any] = trial.intermediate_values
        if not values:
            return None, 1
        pick = max if self.objective.direction == "max" else min
        epoch = pick(values, key=lambda step: values[step])
        return float(values[epoch]), epoch


def _message(attempts: list[FrozenTrial]) -> str | None:
    """Why the last attempt that failed did, as KerasTuner keeps it."""
    errors = [trial.user_attrs[ERROR] for trial in attempts if ERROR in trial.user_attrs]
    return errors[-1] if errors else None
