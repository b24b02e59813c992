"""How many trials a search of KerasTuner's oracles has."""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras_tuner.oracles import HyperbandOracle

from sweeps.study.budget import UNLIMITED


def total_of(oracle: keras_tuner.Oracle) -> int:
    """The total number of trials; `UNLIMITED` where it is not known before the end, as of a grid: the models that it
    builds may declare more."""
    if isinstance(oracle, HyperbandOracle):
        return _hyperband(oracle)
    return int(oracle.max_trials or UNLIMITED)


def _hyperband(oracle: Any) -> int:
    """In KerasTuner each round of a bracket has trials of its own."""
    if oracle.hyperband_iterations == float("inf"):
        return UNLIMITED
    brackets = range(oracle._get_num_brackets())
    rounds = [(bracket, number) for bracket in brackets for number in range(oracle._get_num_rounds(bracket))]
    return int(oracle.hyperband_iterations * sum(oracle._get_size(*each) for each in rounds))
