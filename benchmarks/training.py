"""One training of a configuration of the `mlp` space in this process, for benchmarks that train a winner again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
import keras_tuner
import numpy as np

from sweeps.data import Dataset
from sweeps.space.resolve import resolve
from sweeps.training import clear_session, fit


def trained(
    params: Mapping[str, Any],
    data: Dataset,
    epochs: int,
    seed: int,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
) -> tuple[keras.Model, dict[str, list[float]]]:
    """The model after all epochs, and its curves by the name of the metric.

    Args:
        params: the hyperparameters of a trial.
        epochs: as many as the sweep had: a schedule depends on them.
    """
    clear_session()
    keras.utils.set_random_seed(seed)
    space, hp = resolve("mlp", data.spec), keras_tuner.HyperParameters()
    hp.values = dict(params)
    model = space.build(hp)
    model.fit = partial(fit, model, seed=seed)
    validation = (data.validation.x, data.validation.y)
    history = space.fit(
        hp, model, data.train.x, data.train.y,
        epochs=epochs, validation_data=validation, callbacks=list(callbacks), verbose=0,
    )  # fmt: skip
    return model, history.history


def at_best_epoch(data: Dataset, params: Mapping[str, Any], epochs: int, seed: int, rows: tuple[Any, Any]) -> float:
    """The value on other rows after a training's best epoch by validation, the higher the better: the accuracy, or the
    root mean squared error with its sign changed."""
    metric = "val_rmse" if data.spec.target == "regression" else "val_accuracy"
    keep = keras.callbacks.EarlyStopping(
        metric, mode="min" if metric == "val_rmse" else "max", patience=epochs, restore_best_weights=True
    )
    model, _ = trained(params, data, epochs, seed, (keep,))
    x, y = rows
    predicted = np.asarray(model(x, training=False), np.float64)  # without tracing a graph for it
    if metric == "val_rmse":
        return -float(np.sqrt(np.square(predicted[:, 0] - np.ravel(y)).mean()))
    labels = predicted.argmax(axis=1) if predicted.shape[1] > 1 else predicted[:, 0] > 0.5
    return float((labels == np.ravel(y)).mean())
