"""How many trials a search of KerasTuner's oracles has."""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras_tuner.oracles import GridSearchOracle, HyperbandOracle

#: stands for a number that is not known: more trials than any search has that can be completed
UNLIMITED = 1_000_000
#: combinations of a grid that are counted at most
_COUNTED = 10_000


def total_of(oracle: keras_tuner.Oracle) -> int:
    """The total number of trials; `UNLIMITED` where it is not known before the end."""
    if isinstance(oracle, HyperbandOracle):
        return _hyperband(oracle)
    if isinstance(oracle, GridSearchOracle):
        return min(_grid(oracle), oracle.max_trials or UNLIMITED)
    return int(oracle.max_trials or UNLIMITED)


def grid_of(hyperparameters: keras_tuner.HyperParameters) -> int:
    """The number of combinations that KerasTuner's GridSearch tries of a search space."""
    return _grid(GridSearchOracle(hyperparameters=hyperparameters.copy()))


def _hyperband(oracle: Any) -> int:
    """In KerasTuner each round of a bracket has trials of its own."""
    if oracle.hyperband_iterations == float("inf"):
        return UNLIMITED
    brackets = range(oracle._get_num_brackets())
    rounds = [(bracket, number) for bracket in brackets for number in range(oracle._get_num_rounds(bracket))]
    return int(oracle.hyperband_iterations * sum(oracle._get_size(*each) for each in rounds))


def _grid(oracle: Any) -> int:
    space = oracle.get_space()
    if not space.space:
        return UNLIMITED  # it is found while the trials run
    values: dict[str, Any] | None = {hp.name: hp.default for hp in space.space if space.is_active(hp)}
    for count in range(_COUNTED):
        if values is None:
            return count
        try:
            values = oracle._get_next_combination(values)
        except KeyError:  # a hyperparameter that Python's `if` declares is not in every trial
            return UNLIMITED
    return UNLIMITED
