"""What is left to Keras's own `fit`: with the reason, and with Keras's result."""

from __future__ import annotations

import functools
import logging
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import sweeps.training.handover
from sweeps.training import fit

from .conftest import Data, classifier

# Keras reads its variables in a way that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class _SeesBatches(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.batches = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches += 1


def test_a_callback_with_batch_hooks_is_called_at_batches(data: Data, caplog: pytest.LogCaptureFixture) -> None:
    callback, model = _SeesBatches(), classifier()
    # As the caller does: the instance's fit is ours, so that the class's has to be called.
    model.fit = functools.partial(fit, model)
    with caplog.at_level(logging.INFO, logger="sweeps.training"):
        history = model.fit(data.x, data.labels, batch_size=8, verbose=0, callbacks=[callback])
    assert callback.batches == 13
    assert history.handed_over == "_SeesBatches is called at batches"
    assert history.handed_over in caplog.text
    assert history.timings["train"] > 0


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None),
        keras.callbacks.LambdaCallback(on_test_batch_begin=lambda batch, logs: None),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.ModelCheckpoint("unused.keras", save_freq=1000),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_callbacks_at_batches_are_handed_over(callback: Any, data: Data) -> None:
    history = fit(classifier(), data.x, data.labels, verbose=0, callbacks=[callback])
    assert history.handed_over == f"{type(callback).__name__} is called at batches"


@pytest.mark.parametrize("options", [{"update_freq": 1}, {"update_freq": "batch"}, {"write_steps_per_second": True}])
def test_tensorboard_at_batches_is_handed_over(options: dict[str, Any], data: Data, tmp_path: Any) -> None:
    callback = keras.callbacks.TensorBoard(str(tmp_path), **options)
    assert fit(classifier(), data.x, data.labels, verbose=0, callbacks=[callback]).handed_over


class OwnTrainStep(keras.Sequential):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


class OwnTestStep(keras.Sequential):
    def test_step(self, data: Any) -> Any:
        return super().test_step(data)


class OwnMetricNames(keras.Sequential):
    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return {**super().compute_metrics(x, y, y_pred, sample_weight), "largest": keras.ops.max(y_pred)}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (OwnTrainStep, "the model has its own train_step"),
        (OwnTestStep, "the model has its own test_step"),
        (OwnMetricNames, "the model's own compute_metrics returns other names than its metrics"),
    ],
)
def test_a_model_with_its_own_steps_trains_as_in_keras(kind: Any, reason: str, data: Data) -> None:
    histories = []
    for train in (fit, keras.Model.fit):
        keras.utils.set_random_seed(1)
        model = kind([keras.Input((6,)), keras.layers.Dense(3, "softmax")])
        model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        histories.append(train(model, data.x, data.labels, epochs=2, verbose=0, shuffle=False))
    assert histories[0].handed_over == reason
    assert histories[0].history.keys() == histories[1].history.keys()
    for name, values in histories[1].history.items():
        assert histories[0].history[name] == pytest.approx(values)


def test_a_dataset_is_handed_over(data: Data) -> None:
    dataset = tf.data.Dataset.from_tensor_slices((data.x, data.labels)).batch(8)
    model = classifier()
    assert "the data is a" in fit(model, dataset, shuffle=False, verbose=0).handed_over
    assert model.optimizer.iterations.numpy() == 13


def test_a_validation_dataset_is_handed_over(data: Data) -> None:
    dataset = tf.data.Dataset.from_tensor_slices((data.x, data.labels)).batch(8)
    history = fit(classifier(), data.x, data.labels, validation_data=dataset, verbose=0)
    assert history.handed_over is not None
    assert "val_loss" in history.history


class _Rows(keras.utils.PyDataset):
    def __init__(self, data: Data) -> None:
        super().__init__()
        self.data = data

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        return self.data.x[:8], self.data.labels[:8]


def test_a_pydataset_is_handed_over(data: Data) -> None:
    assert fit(classifier(), _Rows(data), verbose=0).handed_over == "the data is a _Rows"


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_a_generator_is_handed_over(data: Data) -> None:
    batches = ((data.x[:8], data.labels[:8]) for _ in range(4))
    history = fit(classifier(), batches, shuffle=False, verbose=0)
    assert history.handed_over == "the data is a generator"


def test_steps_per_epoch_is_handed_over(data: Data) -> None:
    model = classifier()
    history = fit(model, data.x, data.labels, batch_size=8, steps_per_epoch=3, verbose=0)
    assert history.handed_over == "steps_per_epoch or validation_steps is given"
    assert model.optimizer.iterations.numpy() == 3


def test_a_model_that_runs_eagerly_is_handed_over(data: Data) -> None:
    assert fit(classifier(run_eagerly=True), data.x, data.labels, verbose=0).handed_over == "the model runs eagerly"


def test_a_distributed_model_is_handed_over(data: Data) -> None:
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        model = classifier()
    assert fit(model, data.x, data.labels, verbose=0).handed_over == "the model is distributed"


def test_text_is_not_handed_over_unless_there_are_objects_among_it() -> None:
    words = np.array([["a"], ["b"], ["a"], ["b"]], dtype=object)
    lookup = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")
    inputs = keras.Input((1,), dtype="string")
    model = keras.Model(inputs, keras.layers.Dense(1)(lookup(inputs)))
    model.compile("sgd", loss="mse")
    for text in (words, words.astype(str), tf.constant(words.astype(str))):
        assert fit(model, text, np.zeros((4, 1), np.float32), verbose=0).handed_over is None
    words[0] = None
    with pytest.raises(ValueError, match=r"object|Invalid dtype|Unsupported"):
        fit(model, words, np.zeros((4, 1), np.float32), verbose=0)


def test_data_that_does_not_fit_into_memory_is_handed_over(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    class Little:
        available = 1000

    monkeypatch.setattr(sweeps.training.handover.psutil, "virtual_memory", Little)
    history = fit(classifier(), data.x, data.labels, verbose=0)
    assert "does not fit into memory" in history.handed_over


def test_a_data_frame_is_not_handed_over(data: Data) -> None:
    history = fit(classifier(), pd.DataFrame(data.x), pd.Series(data.labels), verbose=0)
    assert history.handed_over is None
