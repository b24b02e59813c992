"""A space whose trials can be killed where a test wants it; copied into the test's workspace.

The file `kill` there holds lines `WHERE TIMES`; each death takes one off. The pre-flight's worker dies of none.
"""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import keras
import keras_tuner
import numpy as np

from sweeps.trial.proxies import TrialProxy

ORDERS = Path(__file__).with_name("kill")
#: which epochs were trained, by attempt
EPOCHS = Path(__file__).with_name("epochs")
#: whether each fit that came to its end was done by the kernels of `sweeps/dense_kernels`
KERNELS = Path(__file__).with_name("kernels")
#: how many fits each trial has begun in this process
fits = Counter()


def maybe_die(where):
    """Take an order to die here, if there is one."""
    orders = dict(line.split() for line in ORDERS.read_text().splitlines()) if ORDERS.exists() else {}
    if int(orders.get(where, 0)):
        orders[where] = int(orders[where]) - 1
        ORDERS.write_text("\n".join(f"{name} {times}" for name, times in orders.items()))
        os.kill(os.getpid(), signal.SIGKILL)


def die_within(module, name, where):
    """Die when `module.name` has returned."""
    original = getattr(module, name)

    def dying(*args, **kwargs):
        result = original(*args, **kwargs)
        maybe_die(where)
        return result

    setattr(module, name, dying)


if ORDERS.exists():  # imported by the worker before its first trial
    from sweeps.trial import record, run
    from tracking import models

    die_within(run, "line_to", "given")
    die_within(run, "progress_of", "begun")
    die_within(models, "save_model", "saved")
    die_within(record, "write_model", "logged")
    die_within(run, "clear_session", "ended")


class Slow(keras.callbacks.Callback):
    """Makes an epoch last long enough to be worth saving, and dies between training and validation."""

    def __init__(self, fit):
        super().__init__()
        self.fit, self.calls = fit, 0

    def on_train_begin(self, logs=None):
        with EPOCHS.open("a") as file:
            file.write("begin\n")

    def on_epoch_begin(self, epoch, logs=None):
        with EPOCHS.open("a") as file:
            file.write(f"{epoch}\n")

    def on_test_begin(self, logs=None):
        self.calls += 1
        maybe_die(f"epoch{self.calls}")
        maybe_die(f"fit{self.fit}-epoch{self.calls}")

    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.55)


class Noise(keras.callbacks.Callback):
    """Draws a learning rate each epoch from the global generators."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 1e-2 * np.random.uniform(0.5, 1.5) * random.uniform(0.5, 1.5)


class Space(keras_tuner.HyperModel):
    def build(self, hp):
        units = hp.Int("units", 8, 64)
        inputs = keras.Input((8, 8))
        hidden = keras.layers.Dense(units, activation="relu")(keras.layers.Flatten()(inputs))
        hidden = keras.layers.BatchNormalization()(keras.layers.Dropout(0.3)(hidden))
        model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(hidden))
        rate = hp.Float("learning_rate", 1e-2, 1e-1, sampling="log")
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        if isinstance(getattr(hp, "trial", None), TrialProxy):
            maybe_die(f"units{hp.get('units')}")
            fits[hp.trial.number] += 1
        batch_size = hp.Choice("batch_size", [32, 64])
        plateau = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1)
        stopping = keras.callbacks.EarlyStopping("val_loss", patience=20, restore_best_weights=True)
        slow = Slow(fits[getattr(getattr(hp, "trial", None), "number", None)])
        callbacks = [plateau, *callbacks, stopping, slow]
        history = model.fit(*args, callbacks=callbacks, batch_size=batch_size, **kwargs)
        assert len(history.history["loss"]) == kwargs.get("epochs", 1), history.history
        return history


class Chain(Space):
    """Dense layers and a Dropout, which the kernels train."""

    def build(self, hp):
        hidden = keras.layers.Dense(hp.Int("units", 8, 64), activation="relu")
        layers = [keras.Input((8, 8)), keras.layers.Flatten(), hidden, keras.layers.Dropout(0.3)]
        model = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        history = super().fit(hp, model, *args, callbacks=[Noise(), *callbacks], **kwargs)
        with KERNELS.open("a") as file:
            file.write(f"{history.by_kernels}\n")
        return history
