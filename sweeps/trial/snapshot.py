"""All that the rest of a training depends on: variables, random states, the callbacks' own numbers."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras.src.backend.common.global_state import get_global_attribute, set_global_attribute
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR, global_seed_generator

from sweeps.trial.checkpoint import encode

#: what Keras sets on every callback
_SET_BY_KERAS = {"_model", "params", "validation_data"}


class DoesNotFit(Exception):
    """A snapshot is of another model or of other callbacks."""


def take(model: keras.Model) -> dict[str, Any]:
    """Model, optimizer and random states, as `put_back` takes them.

    The layers' own random states (Dropout's) are among the model's variables. TensorFlow's global generator, which
    Keras does not use, has no seed that could be set.
    """
    unseeded = get_global_attribute(GLOBAL_SEED_GENERATOR)  # made by the first draw without a seed
    return {
        "variables": [keras.ops.convert_to_numpy(variable) for variable in _variables(model)],
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "keras": None if unseeded is None else keras.ops.convert_to_numpy(unseeded.state),
    }


def put_back(model: keras.Model, snapshot: Mapping[str, Any]) -> None:
    """Give a model of the same architecture, and this process, the state that `take` took.

    Raises:
        DoesNotFit: the model has other variables; nothing was changed.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    variables, values = _variables(model), snapshot["variables"]
    wanted = [(tuple(variable.shape), str(variable.dtype)) for variable in variables]
    values = [_as_saved(value, kind) for value, (_, kind) in zip(values, wanted, strict=False)]
    if len(wanted) != len(snapshot["variables"]) or wanted != [(value.shape, value.dtype.name) for value in values]:
        raise DoesNotFit(f"it holds {len(snapshot['variables'])} variables, which are not the model's {len(wanted)}")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    if snapshot["keras"] is None:  # an earlier trial of this process may have made one
        set_global_attribute(GLOBAL_SEED_GENERATOR, None)
    else:
        global_seed_generator().state.assign(snapshot["keras"])
    random.setstate(snapshot["python"])
    np.random.set_state(snapshot["numpy"])


def settings_of(callback: keras.callbacks.Callback) -> dict[str, str]:
    """The attributes of a callback before the first epoch, as text, so that `state_of` can tell what has changed."""
    return {name: text for name, _, text, arrays in _attributes(callback) if not arrays}


def state_of(callback: keras.callbacks.Callback, settings: Mapping[str, str]) -> dict[str, Any]:
    """What a callback has come to: its attributes that are numbers, strings, None, arrays or containers of them,
    and not what they were before the first epoch."""
    kept = {name: value for name, value, text, arrays in _attributes(callback) if arrays or settings.get(name) != text}
    return copy.deepcopy(kept)


def _attributes(callback: keras.callbacks.Callback) -> Iterator[tuple[str, Any, str, list[Any]]]:
    for name, value in vars(callback).items():
        arrays: list[Any] = []
        if name not in _SET_BY_KERAS:
            with contextlib.suppress(TypeError):
                yield name, value, json.dumps(encode(value, arrays)), arrays


def _variables(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _as_saved(value: Any, dtype: str) -> Any:
    """NumPy writes the types that it does not know, bfloat16 among them, as bytes of their size."""
    return (
        value.view(keras.ops.convert_to_numpy(keras.ops.zeros((1,), dtype)).dtype) if value.dtype.kind == "V" else value
    )
