"""What cannot be sent to workers is searched in this process, and said once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits
from tuner_models import build_model

import sweeps.tuner as kt

pytestmark = [
    # KerasTuner's own loop
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning", "ignore:getName:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Skipping variable loading:UserWarning", "ignore:.*shuffle=True.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning"),
]


def batches(x: Any, y: Any) -> Iterator[tuple[Any, Any]]:
    while True:
        for first in range(0, len(x), 100):
            yield x[first : first + 100], y[first : first + 100]


class Finding(kt.HyperModel):
    """Finds its data by itself."""

    def build(self, hp: kt.HyperParameters) -> keras.Model:
        return build_model(hp)

    def fit(self, hp: kt.HyperParameters, model: keras.Model, **kwargs: Any) -> Any:
        x, y = load_digits(return_X_y=True)
        return model.fit(x[:300], y[:300], validation_split=0.3, **kwargs)


class Locked(kt.HyperModel):
    """Holds what cannot be pickled."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def build(self, hp: kt.HyperParameters) -> keras.Model:
        return build_model(hp)


def from_generator(x: Any, y: Any) -> tf.data.Dataset:
    signature = (tf.TensorSpec((None, 64), tf.float32), tf.TensorSpec((None,), tf.int64))
    return tf.data.Dataset.from_generator(lambda: iter([(x, y)]), output_signature=signature)


class Scaled(keras.layers.Layer):  # type: ignore[misc]
    """Its configuration lacks what its constructor was given."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def call(self, x: Any) -> Any:
        return x * self.factor

    def get_config(self) -> dict[str, Any]:
        return {}


def with_layer(layer: keras.layers.Layer, hp: kt.HyperParameters) -> keras.Model:
    layers = [keras.Input((64,)), layer, keras.layers.Dense(hp.Int("units", 4, 8)), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


CASES: dict[str, Any] = {
    "a generator": lambda d: (
        *(build_model, (batches(*d.train),), "generator cannot be sent"),
        {"steps_per_epoch": 2, "validation_data": batches(*d.valid), "validation_steps": 1},
    ),
    "a Dataset of Python code": lambda d: (
        *(build_model, (from_generator(*d.train),), "Python function"),
        {"validation_data": from_generator(*d.valid)},
    ),
    "no data": lambda d: (Finding(), (), "data is needed", {}),
    "a layer without a configuration": lambda d: (
        *(lambda hp: with_layer(Scaled(0.1), hp), d.train, "gives other outputs once it is saved"),
        {"validation_data": d.valid},
    ),
    "a lock": lambda d: (Locked(), d.train, "must be picklable", {"validation_data": d.valid}),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_searched_here(case: str, tmp_path: Path, digits: Any, caplog: pytest.LogCaptureFixture) -> None:
    model, args, said, kwargs = CASES[case](digits)
    tuner = kt.RandomSearch(model, "val_accuracy", max_trials=2, directory=tmp_path)
    with caplog.at_level(logging.WARNING, "sweeps.tuner"):
        tuner.search(*args, epochs=1, verbose=0, **kwargs)
        tuner.search(*args, epochs=1, verbose=0, **kwargs)
    told = [record.getMessage() for record in caplog.records if "run in this process" in record.getMessage()]
    assert len(told) == 1
    assert said in told[0]
    assert [trial.status for trial in tuner.oracle.trials.values()] == ["COMPLETED"] * 2
    assert tuner.get_best_models()[0].predict(np.zeros((1, 64)), verbose=0).shape == (1, 10)
