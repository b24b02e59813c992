"""KerasTuner's four tuners, with its arguments in its order."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import keras_tuner
from keras_tuner.oracles import HyperbandOracle

from sweeps.errors import InputError
from sweeps.samplers import PRUNERS
from sweeps.tuner.base import Tuner
from sweeps.tuner.options import Entries, Plan


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

    `num_initial_points`, `alpha` and `beta` are those of KerasTuner's own process: taken and not needed.
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
        sampler = "gp" if find_spec("torch") else "tpe-multivariate"
        entries = Entries(
            seed,
            hyperparameters,
            tune_new_entries,
            allow_new_entries,
            max_retries_per_trial,
            max_consecutive_failed_trials,
        )
        super().__init__(hypermodel, objective, Plan(sampler, "none", max_trials), entries, kwargs)


class Hyperband(Tuner):
    """Many trials for a few epochs, the promising ones for `max_epochs`: Optuna's HyperbandPruner over its TPE.

    KerasTuner draws at random. That a model of the earlier trials draws instead is BOHB (Falkner, Klein, Hutter 2018).

    KerasTuner numbers the continuation of a trial as a trial of its own; here it is the same trial. So the study has
    as many trials as KerasTuner's brackets have configurations: 22 an iteration for `max_epochs=10, factor=3`.
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
        if kwargs.get("executions_per_trial", 1) > 1:
            raise InputError(
                "executions_per_trial: 1 with Hyperband, which prunes a trial by the epochs of its one model; "
                f"RandomSearch and BayesianOptimization take more, got {kwargs['executions_per_trial']}"
            )
        total = configurations(max_epochs, factor, hyperband_iterations)
        plan = Plan("tpe-multivariate", hyperband_pruner(factor), total, max_epochs)
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


def hyperband_pruner(factor: int) -> str:
    """The name of the pruner that lets one in `factor` trials go on.

    Raises:
        InputError: there is none.
    """
    name = "hyperband" if factor == 3 else f"hyperband-{factor}"
    if name not in PRUNERS:
        raise InputError(f"factor: a whole number from 2 to 10 is needed, got {factor!r}")
    return name


def configurations(max_epochs: int, factor: int, iterations: int) -> int:
    """How many configurations KerasTuner's Hyperband draws: the first rounds of all its brackets.

    Raises:
        InputError: a number that it cannot do with.
    """
    for name, value, least in (("max_epochs", max_epochs, 1), ("factor", factor, 2)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InputError(f"{name}: a whole number of at least {least} is needed, got {value!r}")
    if isinstance(iterations, bool) or not isinstance(iterations, int) or iterations < 1:
        raise InputError(f"hyperband_iterations: a whole number of at least 1 is needed, got {iterations!r}")
    oracle = HyperbandOracle(max_epochs=max_epochs, factor=factor)
    return iterations * sum(int(oracle._get_size(bracket, 0)) for bracket in range(oracle._get_num_brackets()))
