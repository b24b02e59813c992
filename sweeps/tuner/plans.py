"""KerasTuner's oracles as this engine's samplers and pruners."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import keras_tuner
from keras_tuner import oracles

from sweeps.tuner.options import at_least


@dataclass(frozen=True)
class Plan:
    """How a tuner searches.

    Attributes:
        sampler, pruner: names of `sweeps.study.samplers`.
        sampler_options, pruner_options: their options.
        max_trials: None: the whole grid.
        epochs: per trial; None: the argument of `search`.
    """

    sampler: str
    pruner: str
    max_trials: int | None
    epochs: int | None = None
    sampler_options: Mapping[str, int] = field(default_factory=dict)
    pruner_options: Mapping[str, int] = field(default_factory=dict)


def plan_of(oracle: keras_tuner.Oracle) -> Plan:
    """How workers search with an oracle's arguments.

    Raises:
        InputError: a number is too low.
        KeyError: it is an oracle of a person's own.
    """
    return PLANS[type(oracle)](oracle)


def configurations(max_epochs: int, factor: int, iterations: int) -> int:
    """The number of configurations that KerasTuner's Hyperband draws: the first rounds of all its brackets.

    Raises:
        InputError: a number is too low.
    """
    at_least("max_epochs", max_epochs, 1)
    at_least("factor", factor, 2)
    at_least("hyperband_iterations", iterations, 1)
    oracle = oracles.HyperbandOracle(max_epochs=max_epochs, factor=factor)
    return iterations * sum(int(oracle._get_size(bracket, 0)) for bracket in range(oracle._get_num_brackets()))


def _random(oracle: Any) -> Plan:
    return Plan("random", "none", oracle.max_trials)


def _bayesian(oracle: Any) -> Plan:
    if (oracle.alpha, oracle.beta) != (1e-4, 2.6):
        warnings.warn("alpha and beta have no meaning for Optuna's sampler: they are ignored", stacklevel=6)
    sampler = "gp" if find_spec("torch") else "tpe-multivariate"
    options = {}
    if oracle.num_initial_points is not None:
        at_least("num_initial_points", oracle.num_initial_points, 1)
        options["startup"] = oracle.num_initial_points
    return Plan(sampler, "none", oracle.max_trials, sampler_options=options)


def _hyperband(oracle: Any) -> Plan:
    epochs, factor = oracle.max_epochs, oracle.factor
    total = configurations(epochs, factor, oracle.hyperband_iterations)
    return Plan("tpe-multivariate", "hyperband", total, epochs, pruner_options={"factor": factor})


def _grid(oracle: Any) -> Plan:
    return Plan("grid", "none", oracle.max_trials, sampler_options={"ordered": 1})


#: the oracles whose search workers can do; a class that is derived from one of them may propose what it likes
PLANS: Mapping[type, Callable[[Any], Plan]] = {
    oracles.RandomSearchOracle: _random,
    oracles.BayesianOptimizationOracle: _bayesian,
    oracles.HyperbandOracle: _hyperband,
    oracles.GridSearchOracle: _grid,
}
