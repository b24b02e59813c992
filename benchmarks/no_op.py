"""A search space whose trials train nothing, for sweeps that any version of this project runs.

It imports Keras alone, since the sweep that loads this file may be that of another commit. Each process that runs a
trial leaves a file with its number in the folder `BENCH_MARKS`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import keras
import keras_tuner

#: names the folder of the marks, and how many seconds a trial takes
MARKS, SECONDS = "BENCH_MARKS", "BENCH_SECONDS"
#: of the rows
COLUMNS = 4


def draw(hp: keras_tuner.HyperParameters) -> dict[str, Any]:
    """Hyperparameters as those of a network, which nothing comes of."""
    return {
        "learning_rate": hp.Float("learning_rate", 1e-5, 1e-1, sampling="log"),
        "decay": hp.Float("decay", 1e-6, 1e-2, sampling="log"),
        "dropout": hp.Float("dropout", 0.0, 0.5),
        "units": hp.Int("units", 16, 512, step=16),
        "optimizer": hp.Choice("optimizer", ["sgd", "adam", "rmsprop"]),
    }


class NoOp(keras_tuner.HyperModel):  # type: ignore[misc]
    """One epoch without steps, of which only the callbacks are called."""

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A model of one small layer, whatever the hyperparameters are."""
        draw(hp)
        model = keras.Sequential([keras.layers.Input((COLUMNS,)), keras.layers.Dense(2, activation="softmax")])
        model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
        return model

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """The value follows from the hyperparameters, so that a search has something to find."""
        Path(os.environ[MARKS], str(os.getpid())).touch()
        time.sleep(float(os.environ.get(SECONDS, "0")))
        value = 1 - abs(hp.get("dropout") - 0.2) - hp.get("learning_rate")
        callbacks = keras.callbacks.CallbackList(kwargs.get("callbacks"), add_history=True, model=model)
        callbacks.on_train_begin()
        callbacks.on_epoch_begin(0)
        callbacks.on_epoch_end(0, {"loss": 0.5, "accuracy": value, "val_loss": 0.5, "val_accuracy": value})
        callbacks.on_train_end()
        return model.history
