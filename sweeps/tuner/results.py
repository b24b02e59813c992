"""The results of `HyperModel.fit` in one form, and the objective's value in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras_tuner.src.engine import objective as objectives
from keras_tuner.src.engine import tuner_utils

from sweeps.errors import InputError
from sweeps.tuner.failures import WrongResult

#: a History, a dictionary of metrics, the objective's value alone, or a list of these
FitResult = Any


def objective_of(objective: Any) -> keras_tuner.Objective:
    """KerasTuner's objective from `objective=…`: a name, an Objective, a list of these, or None.

    Raises:
        InputError: it is none of these, or a name whose direction is unknown.
    """
    try:
        return objectives.create_objective(objective)
    except (TypeError, ValueError) as error:
        raise InputError(f"objective: {error}") from None


def metrics_of(objective: keras_tuner.Objective, logs: Mapping[str, Any]) -> dict[str, Any]:
    """An epoch's logs; for several objectives also their sum, under KerasTuner's name for it."""
    if objective.name not in logs and objective.has_value(logs):
        return {**logs, objective.name: objective.get_value(logs)}
    return dict(logs)


def as_history(result: FitResult, objective: keras_tuner.Objective) -> keras.callbacks.History:
    """The result as a History; for several executions the mean of their best epochs, as in KerasTuner.

    Raises:
        WrongResult: the result has a type that KerasTuner does not accept, or is a History and no objective is named.
    """
    if isinstance(result, keras.callbacks.History):
        if isinstance(objective, objectives.DefaultObjective):
            raise WrongResult("objective: where none is named, HyperModel.fit must return a number, got a History")
        _add_sum(result, objective)
        return result
    if not _is_result(result):
        raise WrongResult(
            "HyperModel.fit must return a History, a dictionary of metrics, a number, or a list of these, "
            f"got {type(result).__name__}"
        )
    history = keras.callbacks.History()
    metrics = tuner_utils.convert_to_metrics_dict(result, objective)
    history.history = {name: [float(value)] for name, value in metrics_of(objective, metrics).items()}
    return history


def _is_result(result: FitResult) -> bool:
    if isinstance(result, list):
        return bool(result) and all(map(_is_result, result))
    return isinstance(result, (keras.callbacks.History, dict, int, float, np.floating)) and not isinstance(result, bool)


def _add_sum(result: keras.callbacks.History, objective: keras_tuner.Objective) -> None:
    if not isinstance(objective, objectives.MultiObjective) or objective.name in result.history:
        return
    parts = {name: result.history[name] for name in objective.name_to_direction if name in result.history}
    if len(parts) == len(objective.name_to_direction):
        epochs = zip(*parts.values(), strict=True)
        result.history[objective.name] = [objective.get_value(dict(zip(parts, epoch, strict=True))) for epoch in epochs]
