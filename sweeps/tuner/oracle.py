"""A study in KerasTuner's own terms: trials, their scores, metrics and hyperparameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.trial import FrozenTrial, TrialState

from sweeps.errors import InputError, unknown
from sweeps.study import study as studies
from sweeps.study.attributes import EPOCH, ERROR, MODEL_URI, PARAMS, RUN_ID
from sweeps.tuner.place import Place

_STATUS = {
    TrialState.COMPLETE: TrialStatus.COMPLETED,
    # KerasTuner has no word for a trial that a better one made pointless
    TrialState.PRUNED: TrialStatus.STOPPED,
    TrialState.FAIL: TrialStatus.FAILED,
    TrialState.RUNNING: TrialStatus.RUNNING,
    TrialState.WAITING: TrialStatus.IDLE,
}


class Oracle:
    """What a tuner's `oracle` is asked for: it reads the study and proposes nothing; the sampler does.

    Args:
        place: where the study lies.
        objective: KerasTuner's.
        max_trials: how many trials the study is to have; None: as many as its grid has.
        seed: of sampler, weights and shuffles.
        discover: finds the search space.
    """

    def __init__(
        self,
        place: Place,
        objective: keras_tuner.Objective,
        max_trials: int | None,
        seed: int,
        discover: Callable[[], list[kinds.HyperParameter]],
    ) -> None:
        self.objective, self.max_trials, self.seed = objective, max_trials, seed
        self._place, self._discover = place, discover
        self._space: list[kinds.HyperParameter] | None = None

    @property
    def digits(self) -> int:
        """Of a trial's number in its id."""
        return len(str(self.max_trials))

    @property
    def hyperparameters(self) -> keras_tuner.HyperParameters:
        """The search space with its default values."""
        return self.get_space()

    @property
    def trials(self) -> dict[str, Trial]:
        """Every trial by id, in the order in which they began."""
        return {self._id(trial): self._trial(trial) for trial in self._frozen()}

    def get_space(self) -> keras_tuner.HyperParameters:
        """A container with every hyperparameter that is known, conditional ones included."""
        if self._space is None:
            self._space = self._discover()
        hp = keras_tuner.HyperParameters()
        hp.merge(self._space)
        return hp

    def forget_space(self) -> None:
        """More may be known now."""
        self._space = None

    def get_trial(self, trial_id: str) -> Trial:
        """Raises: KeyError: there is none."""
        try:
            return self._trial(self.frozen(trial_id))
        except InputError:
            raise KeyError(trial_id) from None

    def frozen(self, trial_id: str) -> FrozenTrial:
        """A trial as the study has it, by its id or its number.

        Raises:
            InputError: there is none.
        """
        found = {self._id(trial): trial for trial in self._frozen()}
        wanted = str(trial_id).zfill(self.digits)
        if wanted not in found:
            raise unknown("trial", str(trial_id), found)
        return found[wanted]

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """The best trials, best first; those that did not come to their end follow those that did."""
        return [self._trial(trial) for trial in self.ranked()[:num_trials]]

    def ranked(self) -> list[FrozenTrial]:
        """All trials that were searched, best first: complete ones, then pruned ones, then the others."""
        sign = -1 if self.objective.direction == "max" else 1
        order = (TrialState.COMPLETE, TrialState.PRUNED)

        def rank(trial: FrozenTrial) -> tuple[int, float, int]:
            place = order.index(trial.state) if trial.state in order else len(order)
            value = self._best(trial)[0]
            return place, sign * value if value is not None else 0.0, trial.number

        return sorted(studies.own(self._frozen()), key=rank)

    def remaining_trials(self) -> int | None:
        """How many the study still lacks; None where its grid decides."""
        study = self._place.open()
        if self.max_trials is None or study is None:
            return self.max_trials
        return studies.missing(study, self.max_trials)

    def model_uri(self, trial: FrozenTrial) -> str | None:
        """Where the trial's model is; None where it has none."""
        uri = trial.user_attrs.get(MODEL_URI)
        return str(uri) if trial.state == TrialState.COMPLETE and uri else None

    def _frozen(self) -> list[FrozenTrial]:
        study = self._place.open()
        return study.get_trials(deepcopy=False) if study is not None else []

    def _id(self, trial: FrozenTrial) -> str:
        return f"{trial.number:0{self.digits}d}"

    def _trial(self, frozen: FrozenTrial) -> Trial:
        # see `sweeps.tuner.base`
        from sweeps.study.record import store_of
        from tracking.experiments import metrics_at

        hp = self.get_space()
        hp.values = dict(frozen.user_attrs.get(PARAMS, frozen.params))
        trial = Trial(hp, self._id(frozen), _STATUS[frozen.state], frozen.user_attrs.get(ERROR))
        value, epoch = self._best(frozen)
        if value is None:
            return trial
        # KerasTuner counts epochs from 0 and keeps the metrics of the best one
        trial.score, trial.best_step = value, epoch - 1
        metrics = {self.objective.name: value}
        if run_id := frozen.user_attrs.get(RUN_ID):
            with self._place.entered():
                metrics = metrics_at(store_of(self._place.study), run_id, epoch) | metrics
        for name, one in metrics.items():
            if not trial.metrics.exists(name):
                trial.metrics.register(name, self.objective.direction if name == self.objective.name else None)
            trial.metrics.update(name, one, step=epoch - 1)
        return trial

    def _best(self, trial: FrozenTrial) -> tuple[float | None, int]:
        """The best value of the objective and its epoch (from 1)."""
        if trial.state == TrialState.COMPLETE and trial.value is not None:
            return trial.value, int(trial.user_attrs.get(EPOCH, 1))
        values: dict[int, Any] = trial.intermediate_values
        if not values:
            return None, 1
        pick = max if self.objective.direction == "max" else min
        epoch = pick(values, key=lambda step: values[step])
        return float(values[epoch]), epoch
