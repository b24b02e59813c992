"""Exact continuation, one trace, data held once, and a model that is as Keras leaves it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sweeps.training import fit
from sweeps.training.compilation import STEPS_FOR_XLA, use_xla
from sweeps.training.resident import RESIDENT, ResidentArrays

from .conftest import Data, classifier, order_of

# Keras reads its variables in a way that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def _with_dropout() -> Any:
    def hidden() -> list[Any]:
        return [keras.layers.Dense(8, "relu"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.3)]

    return classifier("adam", hidden=hidden)


def test_an_interrupted_training_continues_bit_for_bit(data: Data) -> None:
    arguments: dict[str, Any] = {
        "batch_size": 8,
        "verbose": 0,
        "seed": 5,
        "validation_data": (data.x[:20], data.labels[:20]),
    }
    whole, halves, resumed = _with_dropout(), _with_dropout(), _with_dropout()
    expected = fit(whole, data.x, data.labels, epochs=4, **arguments).history
    first = fit(halves, data.x, data.labels, epochs=2, **arguments).history
    # Everything that training moves goes over: weights, the states of layers and draws, the optimizer.
    resumed.optimizer.build(resumed.trainable_variables)
    for source, target in zip(
        halves.variables + halves.optimizer.variables,
        resumed.variables + resumed.optimizer.variables,
        strict=True,
    ):
        target.assign(source)
    second = fit(resumed, data.x, data.labels, epochs=4, initial_epoch=2, **arguments).history
    for name, values in expected.items():
        assert first[name] + second[name] == values
    for mine, its in zip(resumed.variables, whole.variables, strict=True):
        if "loss" not in mine.path:
            np.testing.assert_array_equal(mine.numpy(), its.numpy(), err_msg=mine.path)


def test_the_order_of_an_epoch_follows_from_seed_and_epoch_alone() -> None:
    assert list(order_of(50, 3)) == list(order_of(50, 3))
    assert list(order_of(50, 3)) != list(order_of(50, 4))
    assert sorted(order_of(50, 3)) == list(range(50))


def test_without_a_seed_the_global_one_decides(data: Data) -> None:
    def losses() -> list[float]:
        model = classifier()
        return list(fit(model, data.x, data.labels, epochs=2, batch_size=8, verbose=0).history["loss"])

    keras.utils.set_random_seed(1)
    first = losses()
    assert losses() == first
    other = classifier()
    np.random.randint(10)
    assert fit(other, data.x, data.labels, epochs=2, batch_size=8, verbose=0).history["loss"] != first


def test_each_graph_is_traced_once_however_many_epochs(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[bool] = []
    model = classifier("adam")
    compute_loss = type(model)._compute_loss

    def counted(self: Any, **arguments: Any) -> Any:
        traced.append(arguments["training"])
        return compute_loss(self, **arguments)

    monkeypatch.setattr(type(model), "_compute_loss", counted)
    validation = (data.x, data.labels)
    fit(model, data.x, data.labels, batch_size=8, epochs=12, verbose=0, validation_data=validation, jit=False)
    # The full batches, the last one, the validation: not even a first trace that is thrown away.
    assert traced == [True, True, False]


def test_the_next_trial_copies_no_data(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    converted: list[Any] = []
    constant = tf.constant
    monkeypatch.setattr(
        "sweeps.training.resident._convert", lambda array: (converted.append(array), constant(array))[1]
    )
    for _ in range(3):
        fit(classifier(), data.x, data.labels, verbose=0, validation_split=0.2)
    assert len(converted) == 2


def test_an_array_changed_in_place_is_seen(data: Data) -> None:
    x = data.x
    RESIDENT.tensor(x)
    x[0], x[1] = x[1].copy(), x[0].copy()
    np.testing.assert_array_equal(RESIDENT.tensor(x).numpy(), x)
    x *= 2
    np.testing.assert_array_equal(RESIDENT.tensor(x).numpy(), x)


def test_arrays_keep_their_type_and_floats_become_floatx(data: Data) -> None:
    assert RESIDENT.tensor(data.images).dtype == tf.uint8
    assert RESIDENT.tensor(data.labels).dtype == tf.int64
    assert RESIDENT.tensor(data.x.astype(np.float64)).dtype == tf.float32


def test_only_the_arrays_used_last_are_held() -> None:
    held = ResidentArrays(max_arrays=2, small_together=0)
    arrays = [np.full(10, value) for value in range(3)]
    for array in (arrays[0], arrays[1], arrays[0], arrays[2]):
        held.tensor(array)
    assert [held.holds(array) for array in arrays] == [True, False, True]


def test_the_model_is_as_keras_leaves_it(data: Data, tmp_path: Path) -> None:
    model = classifier("adam")
    history = fit(model, data.x, data.labels, batch_size=8, epochs=2, verbose=0)
    assert model.history is history
    assert history.params == {"verbose": 0, "epochs": 2, "steps": 13}
    loss, accuracy = model.evaluate(data.x, data.labels, verbose=0)
    assert accuracy == pytest.approx(np.mean(model.predict(data.x, verbose=0).argmax(1) == data.labels))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(data.x, data.labels, verbose=0) == pytest.approx([loss, accuracy])
    assert loaded.optimizer.iterations.numpy() == 26
    model.fit(data.x, data.labels, batch_size=8, verbose=0)
    fit(model, data.x, data.labels, batch_size=8, verbose=0)
    assert model.optimizer.iterations.numpy() == 52


def test_it_runs_in_a_thread_that_is_not_the_main_one(data: Data) -> None:
    results: list[Any] = []

    def train() -> None:
        results.append(fit(classifier(), data.x, data.labels, batch_size=8, verbose=0, seed=1).history["loss"])

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert results == [fit(classifier(), data.x, data.labels, batch_size=8, verbose=0, seed=1).history["loss"]]


def test_timings_tell_compiling_from_training_from_validating(data: Data) -> None:
    history = fit(classifier(), data.x, data.labels, verbose=0, validation_data=(data.x, data.labels), jit=True)
    assert set(history.timings) == {"compile", "train", "validate"}
    # A tiny model: all that takes long is the compiler.
    assert history.timings["compile"] > history.timings["validate"] > 0
    assert history.timings["compile"] > history.timings["train"] > 0


def test_xla_is_for_many_steps_and_never_for_other_draws(data: Data) -> None:
    assert not use_xla("auto", classifier(), STEPS_FOR_XLA - 1)
    assert use_xla("auto", classifier(), STEPS_FOR_XLA)
    assert not use_xla("auto", _with_dropout(), STEPS_FOR_XLA)
    assert use_xla(True, classifier(), 1)
    assert not use_xla(False, classifier(), STEPS_FOR_XLA)
    assert use_xla("auto", classifier(jit_compile=True), 1)
    assert use_xla("auto", classifier("nadam"), STEPS_FOR_XLA - 1)


class _NotForXla(keras.layers.Layer):
    def call(self, x: Any) -> Any:
        offset = tf.numpy_function(lambda: np.float32(0.0), [], tf.float32)
        return x + tf.ensure_shape(offset, ())


def test_a_model_that_xla_cannot_compile_trains_without_it(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.training.compilation.STEPS_FOR_XLA", 1)

    def make() -> Any:
        return classifier(hidden=lambda: [keras.layers.Dense(8, "relu"), _NotForXla()])

    model = make()
    assert fit(model, data.x, data.labels, batch_size=8, verbose=0).handed_over is None
    assert model.optimizer.iterations.numpy() == 13
    with pytest.raises(tf.errors.OpError):
        fit(make(), data.x, data.labels, batch_size=8, verbose=0, jit=True)


def test_graph_options_are_as_they_were(data: Data) -> None:
    before = tf.config.optimizer.get_experimental_options()
    fit(classifier(), data.x, data.labels, verbose=0)
    assert not tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    assert before.items() <= tf.config.optimizer.get_experimental_options().items()
