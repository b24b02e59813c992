"""KerasTuner's four tuners, with its arguments in its order."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import keras_tuner
from keras_tuner.oracles import HyperbandOracle

from sweeps.tuner.base import Tuner
from sweeps.tuner.options import Entries, Plan, at_least


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
        entries = Entries(
            seed,
            hyperparameters,
            tune_new_entries,
            allow_new_entries,
            max_retries_per_trial,
            max_consecutive_failed_trials,
        )
        super().__init__(hypermodel, objective, Plan("random", "none", max_trials), entries, kwargs)


class BayesianOptimization(Tuner):
    """Draws where earlier trials promise most: Optuna's Gaussian process where PyTorch is there, its TPE otherwise.

    `num_initial_points` trials are drawn at random first; None: as many as Optuna thinks right. `alpha` and `beta` are
    settings of KerasTuner's own process: taken, and without a meaning here.
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
            warnings.warn("alpha and beta have no meaning for Optuna's sampler: they are passed over", stacklevel=2)
        sampler = "gp" if find_spec("torch") else "tpe-multivariate"
        options = {}
        if num_initial_points is not None:
            at_least("num_initial_points", num_initial_points, 1)
            options["startup"] = num_initial_points
        entries = Entries(
            seed,
            hyperparameters,
            tune_new_entries,
            allow_new_entries,
            max_retries_per_trial,
            max_consecutive_failed_trials,
        )
        plan = Plan(sampler, "none", max_trials, sampler_options=options)
        super().__init__(hypermodel, objective, plan, entries, kwargs)


class Hyperband(Tuner):
    """Many trials for a few epochs, the promising ones for `max_epochs`: Optuna's HyperbandPruner over its TPE.

    KerasTuner draws at random. That a model of the earlier trials draws instead is BOHB (Falkner, Klein, Hutter 2018).

    KerasTuner numbers the continuation of a trial as a trial of its own; here it is the same trial. So the study has
    as many trials as KerasTuner's brackets have configurations: 22 an iteration for `max_epochs=10, factor=3`. Of
    several `executions_per_trial` the first decides whether a trial goes on; one that came to its end has the others.
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
        plan = Plan("tpe-multivariate", "hyperband", total, max_epochs, pruner_options={"factor": factor})
        entries = Entries(
            seed,
            hyperparameters,
            tune_new_entries,
            allow_new_entries,
            max_retries_per_trial,
            max_consecutive_failed_trials,
        )
        super().__init__(hypermodel, objective, plan, entries, kwargs)


class GridSearch(Tuner):
    """Walks all combinations; ranges without steps are cut into ten values. See `keras_tuner.GridSearch`."""

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
        entries = Entries(
            seed,
            hyperparameters,
            tune_new_entries,
            allow_new_entries,
            max_retries_per_trial,
            max_consecutive_failed_trials,
        )
        super().__init__(hypermodel, objective, Plan("grid", "none", max_trials), entries, kwargs)


def configurations(max_epochs: int, factor: int, iterations: int) -> int:
    """How many configurations KerasTuner's Hyperband draws: the first rounds of all its brackets.

    Raises:
        InputError: a number that it cannot do with.
    """
    at_least("max_epochs", max_epochs, 1)
    at_least("factor", factor, 2)
    at_least("hyperband_iterations", iterations, 1)
    oracle = HyperbandOracle(max_epochs=max_epochs, factor=factor)
    return iterations * sum(int(oracle._get_size(bracket, 0)) for bracket in range(oracle._get_num_brackets()))
