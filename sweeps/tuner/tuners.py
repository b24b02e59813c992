"""KerasTuner's four tuners, with the same arguments in the same order."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import keras_tuner
from keras_tuner.oracles import HyperbandOracle

from sweeps.tuner.base import Tuner
from sweeps.tuner.declared import Declared
from sweeps.tuner.options import FailureLimits, Plan, at_least


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
        declared = Declared.of(hyperparameters, tune_new_entries, allow_new_entries)
        limits = FailureLimits(max_retries_per_trial, max_consecutive_failed_trials)
        super().__init__(hypermodel, objective, Plan("random", "none", max_trials, seed), declared, limits, kwargs)


class BayesianOptimization(Tuner):
    """Models earlier trials: with Optuna's Gaussian process where PyTorch is installed, otherwise with its TPE.

    The first `num_initial_points` trials are random; None: Optuna's default number. `alpha` and `beta` are settings of
    KerasTuner's Gaussian process, and are ignored.
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
        if (alpha, beta) != (1e-4, 2.6):
            warnings.warn("alpha and beta have no meaning for Optuna's sampler: they are ignored", stacklevel=2)
        sampler = "gp" if find_spec("torch") else "tpe-multivariate"
        options = {}
        if num_initial_points is not None:
            at_least("num_initial_points", num_initial_points, 1)
            options["startup"] = num_initial_points
        plan = Plan(sampler, "none", max_trials, seed, sampler_options=options)
        declared = Declared.of(hyperparameters, tune_new_entries, allow_new_entries)
        limits = FailureLimits(max_retries_per_trial, max_consecutive_failed_trials)
        super().__init__(hypermodel, objective, plan, declared, limits, kwargs)


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
        total = configurations(max_epochs, factor, hyperband_iterations)
        plan = Plan("tpe-multivariate", "hyperband", total, seed, max_epochs, pruner_options={"factor": factor})
        declared = Declared.of(hyperparameters, tune_new_entries, allow_new_entries)
        limits = FailureLimits(max_retries_per_trial, max_consecutive_failed_trials)
        super().__init__(hypermodel, objective, plan, declared, limits, kwargs)


class GridSearch(Tuner):
    """Tries all combinations; ranges without steps are divided into ten values. See `keras_tuner.GridSearch`."""

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
        declared = Declared.of(hyperparameters, tune_new_entries, allow_new_entries)
        limits = FailureLimits(max_retries_per_trial, max_consecutive_failed_trials)
        super().__init__(hypermodel, objective, Plan("grid", "none", max_trials, seed), declared, limits, kwargs)


def configurations(max_epochs: int, factor: int, iterations: int) -> int:
    """The number of configurations that KerasTuner's Hyperband draws: the first rounds of all its brackets.

    Raises:
        InputError: a number is too low.
    """
    at_least("max_epochs", max_epochs, 1)
    at_least("factor", factor, 2)
    at_least("hyperband_iterations", iterations, 1)
    oracle = HyperbandOracle(max_epochs=max_epochs, factor=factor)
    return iterations * sum(int(oracle._get_size(bracket, 0)) for bracket in range(oracle._get_num_brackets()))
