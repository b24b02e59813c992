"""Searches by KerasTuner's oracles, asked as its tuners ask them."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras_tuner
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from benchmarks.search.task import Params, Task
from benchmarks.search.trajectory import Tried, tried

_OBJECTIVE = "val_accuracy"
# more than any budget here pays for
_TRIALS = 10_000


@dataclass(frozen=True)
class KerasTunerSearch:
    """A search with one trial at a time.

    Attributes:
        oracle: makes it, of the epochs of a full training and of the arguments that all oracles take.
    """

    oracle: Callable[..., keras_tuner.Oracle]

    def __call__(self, task: Task, seed: int, portfolio: Sequence[Params]) -> Iterator[Tried]:
        """Trials until the oracle ends the search; the portfolio is not used."""
        oracle = self.oracle(
            task.epochs,
            objective=keras_tuner.Objective(_OBJECTIVE, "max"),
            seed=seed,
            hyperparameters=_hyperparameters(task),
        )
        oracle.verbose = 0
        with tempfile.TemporaryDirectory(prefix="bench-search-") as folder:
            oracle._set_project_dir(folder, "search")
            while (trial := _trial(oracle, task)) is not None:
                yield trial


def _trial(oracle: keras_tuner.Oracle, task: Task) -> Tried | None:
    """The next trial; None where the search has ended."""
    with warnings.catch_warnings():  # of its regression that does not converge, and of names that Python deprecates
        warnings.simplefilter("ignore")
        trial = oracle.create_trial("tuner0")
        return _run(oracle, trial, task) if trial.status == "RUNNING" else None


def _run(oracle: keras_tuner.Oracle, trial: Any, task: Task) -> Tried:
    """Train as a tuner does, Hyperband's as far as it says, from where an earlier trial has ended."""
    values = dict(trial.hyperparameters.values)
    after, until = values.get("tuner/initial_epoch", 0), values.get("tuner/epochs", task.epochs)
    curve = task.curves([{name: values[name] for name in task.space}])
    result = tried(curve, until, complete=True, after=after)
    best = float(curve.accuracy[0, after:until].max())
    oracle.update_trial(trial.trial_id, {_OBJECTIVE: best}, step=until)
    trial.status = "COMPLETED"
    oracle.end_trial(trial)
    return result


def _hyperparameters(task: Task) -> keras_tuner.HyperParameters:
    hp = keras_tuner.HyperParameters()
    for name, distribution in task.space.items():
        _declare(hp, name, distribution, task.defaults[name])
    return hp


def _declare(hp: keras_tuner.HyperParameters, name: str, distribution: BaseDistribution, default: Any) -> None:
    match distribution:
        case IntDistribution():
            # KerasTuner's logarithm of an Int takes no step of 1
            sampling = "log" if distribution.log else "linear"
            hp.Int(name, distribution.low, distribution.high, sampling=sampling, default=default)
        case FloatDistribution():
            sampling = "log" if distribution.log else "linear"
            hp.Float(name, distribution.low, distribution.high, sampling=sampling, default=default)
        case CategoricalDistribution():
            hp.Choice(name, list(distribution.choices), default=default)


def random_search(epochs: int, **arguments: Any) -> keras_tuner.Oracle:
    """KerasTuner's random search."""
    return keras_tuner.oracles.RandomSearchOracle(max_trials=_TRIALS, **arguments)


def bayesian_optimization(epochs: int, **arguments: Any) -> keras_tuner.Oracle:
    """KerasTuner's Bayesian optimization, by a Gaussian process."""
    return keras_tuner.oracles.BayesianOptimizationOracle(max_trials=_TRIALS, **arguments)


def hyperband(epochs: int, **arguments: Any) -> keras_tuner.Oracle:
    """KerasTuner's Hyperband, again and again."""
    return keras_tuner.oracles.HyperbandOracle(max_epochs=epochs, hyperband_iterations=_TRIALS, **arguments)
