"""What is left to Keras's own `fit`, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import psutil
import tensorflow as tf

from sweeps.training.resident import RESIDENT

BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)
OWN_METHODS = ("fit", "evaluate", "train_step", "test_step", "make_train_function", "make_test_function")
MEMORY_SHARE = 0.8


class HandoverError(Exception):
    """Only Keras's own `fit` can train this, as found while tracing. The message is the reason."""


def reason_for_keras(model: Any, data: tuple[Any, ...], callbacks: Any, steps: tuple[Any, ...]) -> str | None:
    """Why a call is left to Keras's own `fit`; None where it is not.

    Args:
        model: a compiled Keras model.
        data: the arguments x, y, sample_weight and validation_data.
        callbacks: the argument `callbacks`.
        steps: the arguments steps_per_epoch and validation_steps.
    """
    return (
        _because_of_backend(model)
        or _because_of_model(model)
        or _because_of_callbacks(callbacks)
        or ("steps_per_epoch or validation_steps is given" if any(step is not None for step in steps) else None)
        or _because_of_data(data)
    )


def _because_of_backend(model: Any) -> str | None:
    if keras.backend.backend() != "tensorflow":
        return f"the Keras backend is {keras.backend.backend()}"
    if model._distribute_strategy is not None or tf.distribute.has_strategy() or keras.distribution.distribution():
        return "the model is distributed"
    if keras.config.max_epochs() or keras.config.max_steps_per_epoch():
        return "keras.config limits epochs or steps"
    return None


def _because_of_model(model: Any) -> str | None:
    if model.run_eagerly or tf.config.functions_run_eagerly():
        return "the model runs eagerly"
    for name in OWN_METHODS:
        if getattr(type(model), name) is not getattr(keras.Model, name):
            return f"the model has its own {name}"
        # the caller may have replaced the instance's `fit` by this package's
        if name != "fit" and name in vars(model):
            return f"the model has its own {name}"
    if not isinstance(model.optimizer, keras.optimizers.Optimizer):
        return "the model has no Keras optimizer"
    return None


def _because_of_callbacks(callbacks: Any) -> str | None:
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return "callbacks came as a CallbackList"
    for callback in keras.tree.flatten(callbacks) if callbacks else []:
        if _needs_batches(callback):
            return f"{type(callback).__name__} is called at batches"
    return None


# Keras's callbacks whose batch hooks do nothing under these settings
_IDLE_AT_BATCHES: dict[type, Callable[[Any], bool]] = {
    keras.callbacks.ModelCheckpoint: lambda callback: callback.save_freq == "epoch",
    keras.callbacks.BackupAndRestore: lambda callback: callback.save_freq == "epoch",
    keras.callbacks.TensorBoard: lambda callback: (
        callback.update_freq == "epoch" and not callback._should_trace and not callback.write_steps_per_second
    ),
    keras.callbacks.ProgbarLogger: lambda callback: True,
}


def _needs_batches(callback: Any) -> bool:
    for kind, idle in _IDLE_AT_BATCHES.items():
        if isinstance(callback, kind):
            own = any(_overrides(callback, hook, kind) for hook in BATCH_HOOKS)
            return own or not idle(callback)
    return any(_overrides(callback, hook, keras.callbacks.Callback) for hook in BATCH_HOOKS)


def _overrides(callback: Any, hook: str, base: type) -> bool:
    return hook in vars(callback) or getattr(type(callback), hook) is not getattr(base, hook)


def _because_of_data(data: tuple[Any, ...]) -> str | None:
    leaves = [leaf for leaf in keras.tree.flatten(data) if leaf is not None]
    inputs = {id(leaf) for leaf in _inputs(data)}
    for leaf in leaves:
        if not _is_dense(leaf):
            return f"the data is a {type(leaf).__name__}"
        is_text = isinstance(leaf, tf.Tensor) and leaf.dtype == tf.string
        if np.dtype(_dtype(leaf)).kind not in "biuf" and not (is_text and id(leaf) in inputs):
            return f"the data is of type {_dtype(leaf)}"
    return _because_of_memory(leaves)


def _inputs(data: tuple[Any, ...]) -> list[Any]:
    """The arrays of x, for training and validation: models take text only there."""
    x, _, _, validation = data
    has_validation = isinstance(validation, tuple | list) and len(validation) > 0
    return keras.tree.flatten((x, validation[0] if has_validation else None))  # type: ignore[no-any-return]


def _is_dense(leaf: Any) -> bool:
    if isinstance(leaf, np.ndarray):
        return True
    if isinstance(leaf, tf.Tensor):
        return isinstance(leaf, tf.__internal__.EagerTensor)
    # Series and DataFrames; no object that yields batches has `iloc`
    return hasattr(leaf, "iloc") and hasattr(leaf, "__array__")


def _dtype(leaf: Any) -> Any:
    if isinstance(leaf, tf.Tensor):
        return leaf.dtype.as_numpy_dtype
    return leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype


def _because_of_memory(leaves: Iterable[Any]) -> str | None:
    needed = sum(np.asarray(leaf).nbytes for leaf in leaves if not RESIDENT.holds(leaf))
    available = psutil.virtual_memory().available
    if needed > MEMORY_SHARE * available:
        return f"the data ({needed / 1e9:.1f} GB) does not fit into memory ({available / 1e9:.1f} GB are free)"
    return None
