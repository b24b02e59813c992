"""The search space of the benchmark, written for KerasTuner as in the chapter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from benchmarks.configurations import CLASSES, HIDDEN, LEARNING_RATE, NEURONS, OPTIMIZERS

_OPTIMIZERS = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}


def build_model(hp: keras_tuner.HyperParameters) -> keras.Model:
    """A compiled classifier of 28 by 28 pixels, for KerasTuner and this project."""
    return network(draw(hp))


def draw(hp: keras_tuner.HyperParameters) -> dict[str, Any]:
    """The hyperparameters of one network."""
    n_hidden = hp.Int("n_hidden", *HIDDEN, default=2)
    values = {f"n_neurons_{layer}": hp.Int(f"n_neurons_{layer}", *NEURONS) for layer in range(n_hidden)}
    learning_rate = hp.Float("learning_rate", *LEARNING_RATE, sampling="log")
    optimizer = hp.Choice("optimizer", list(OPTIMIZERS))
    return {"n_hidden": n_hidden, **values, "learning_rate": learning_rate, "optimizer": optimizer}


def network(values: Mapping[str, Any]) -> keras.Model:
    """The compiled network with these hyperparameters, for images uint8 (n, 28, 28) and class indices."""
    model = keras.Sequential([keras.layers.Input((28, 28)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()])
    for layer in range(values["n_hidden"]):
        model.add(keras.layers.Dense(values[f"n_neurons_{layer}"], activation="relu"))
    model.add(keras.layers.Dense(CLASSES, activation="softmax"))
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=_OPTIMIZERS[values["optimizer"]](learning_rate=values["learning_rate"]),
        metrics=["accuracy"],
    )
    return model


class Untrained(keras_tuner.HyperModel):  # type: ignore[misc]
    """The same hyperparameters without training, so that a trial takes only its overhead."""

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A model with one small layer, whatever the hyperparameters are."""
        draw(hp)
        return network({"n_hidden": 0, "learning_rate": 0.01, "optimizer": "sgd"})

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """One epoch without steps, of which only the callbacks are called."""
        callbacks = keras.callbacks.CallbackList(kwargs.get("callbacks"), add_history=True, model=model)
        callbacks.on_train_begin()
        callbacks.on_epoch_begin(0)
        callbacks.on_epoch_end(0, {"loss": 0.0, "accuracy": 0.5, "val_loss": 0.0, "val_accuracy": 0.5})
        callbacks.on_train_end()
        return model.history
