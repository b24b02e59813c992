"""KerasTuner's tuners, with the same arguments in the same order."""

from __future__ import annotations

from typing import Any

import keras
import keras_tuner
from keras_tuner import oracles
from keras_tuner.engine.trial import Trial
from keras_tuner.src import utils

from sweeps.tuner.base import Tuner
from sweeps.tuner.declared import Declared
from sweeps.tuner.plans import configurations
from sweeps.tuner.results import objective_of
from sweeps.tuner.sklearn_tuner import SklearnTuner

__all__ = ["BayesianOptimization", "GridSearch", "Hyperband", "RandomSearch", "SklearnTuner", "Tuner"]


class RandomSearch(Tuner):
    """Draws each trial's hyperparameters at random; see `keras_tuner.RandomSearch`."""

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int = 10,
        seed: int | None = None,
        hyperparameters: keras_tuner.HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        **kwargs: Any,
    ) -> None:
        Declared.of(hyperparameters, tune_new_entries, allow_new_entries)
        oracle = oracles.RandomSearchOracle(
            objective=objective_of(objective),
            max_trials=max_trials,
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        self._given_seed = seed
        super().__init__(oracle, hypermodel, **kwargs)


class BayesianOptimization(Tuner):
    """Models earlier trials: with Optuna's Gaussian process where PyTorch is installed, otherwise with its TPE.

    The first `num_initial_points` trials are random; None: Optuna's default number. `alpha` and `beta` are settings of
    KerasTuner's Gaussian process, and are ignored by workers.
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int = 10,
        num_initial_points: int | None = None,
        alpha: float = 1e-4,
        beta: float = 2.6,
        seed: int | None = None,
        hyperparameters: keras_tuner.HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        **kwargs: Any,
    ) -> None:
        Declared.of(hyperparameters, tune_new_entries, allow_new_entries)
        oracle = oracles.BayesianOptimizationOracle(
            objective=objective_of(objective),
            max_trials=max_trials,
            num_initial_points=num_initial_points,
            alpha=alpha,
            beta=beta,
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        self._given_seed = seed
        super().__init__(oracle, hypermodel, **kwargs)


class Hyperband(Tuner):
    """Trains many trials for a few epochs, and the promising ones for `max_epochs`: Optuna's HyperbandPruner and TPE.

    KerasTuner draws at random; the combination with a model of earlier trials is BOHB (Falkner, Klein, Hutter 2018).

    In KerasTuner a trial that is trained on counts as another trial; here it is the same one. So the study has as many
    trials as KerasTuner's brackets have configurations: 22 per iteration for `max_epochs=10, factor=3`. With several
    `executions_per_trial` the first decides about pruning; only trials that are not pruned run the others.
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_epochs: int = 100,
        factor: int = 3,
        hyperband_iterations: int = 1,
        seed: int | None = None,
        hyperparameters: keras_tuner.HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        **kwargs: Any,
    ) -> None:
        configurations(max_epochs, factor, hyperband_iterations)
        Declared.of(hyperparameters, tune_new_entries, allow_new_entries)
        oracle = oracles.HyperbandOracle(
            objective=objective_of(objective),
            max_epochs=max_epochs,
            factor=factor,
            hyperband_iterations=hyperband_iterations,
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        self._given_seed = seed
        super().__init__(oracle, hypermodel, **kwargs)

    # In this process each round of a bracket is a trial that goes on from another one's weights, as in KerasTuner.

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> Any:
        """See `keras_tuner.Hyperband`: the trial says how many epochs it has."""
        values = trial.hyperparameters.values
        if "tuner/epochs" in values:
            kwargs |= {"epochs": values["tuner/epochs"], "initial_epoch": values["tuner/initial_epoch"]}
        return super().run_trial(trial, *args, **kwargs)

    def _build_hypermodel(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        model = super()._build_hypermodel(hp)
        if (former := hp.values.get("tuner/trial_id")) is not None:
            model.build_from_config(utils.load_json(self._get_build_config_fname(former)))
            model.load_weights(self._get_checkpoint_fname(former))
        return model


class GridSearch(Tuner):
    """Tries all combinations, the defaults first; see `keras_tuner.GridSearch`.

    A range without steps has ten values beside its default.
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int | None = None,
        seed: int | None = None,
        hyperparameters: keras_tuner.HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        **kwargs: Any,
    ) -> None:
        Declared.of(hyperparameters, tune_new_entries, allow_new_entries)
        oracle = oracles.GridSearchOracle(
            objective=objective_of(objective),
            max_trials=max_trials,
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        self._given_seed = seed
        super().__init__(oracle, hypermodel, **kwargs)
