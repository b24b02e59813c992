"""Text columns, and preprocessing done once: the same training as Keras's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sweeps.training import as_tensors, fit
from sweeps.training.arguments import training_and_validation_rows
from sweeps.training.preprocessing import preprocess
from sweeps.training.resident import ResidentArrays

from .conftest import SEED, Data, assert_same_training

# Keras reads its variables in a way that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CITIES = np.array(["Bergen", "", "Paris", "Ōsaka"])

Columns = dict[str, np.ndarray]


def columns_of(data: Data) -> Columns:
    """A column of text, unknown words and missing ones among it, and two of numbers, some of them missing."""
    size = data.x[:, :1].copy()
    size[::7] = np.nan
    city = CITIES[(data.labels + np.arange(len(data.labels)) % 2) % 4][:, None]
    return {"size": size, "city": city, "age": data.x[:, 1:2]}


def entrances() -> dict[str, Any]:
    kinds = {"size": "float32", "city": "string", "age": "float32"}
    return {name: keras.Input((1,), dtype=kind, name=name) for name, kind in kinds.items()}


def features(inputs: dict[str, Any]) -> Any:
    """As the spaces do it."""
    cities = keras.layers.StringLookup(vocabulary=["Bergen", "Paris"], output_mode="multi_hot")(inputs["city"])
    size = keras.ops.nan_to_num(keras.layers.Normalization(mean=0.5, variance=2.0)(inputs["size"]))
    return keras.layers.Concatenate()([size, cities, keras.layers.Rescaling(0.5)(inputs["age"])])


def compiled(model: Any, **arguments: Any) -> Any:
    model.compile(
        "adam",
        **{"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], "jit_compile": False, **arguments},
    )
    return model


def functional() -> Any:
    keras.utils.set_random_seed(SEED)
    inputs = entrances()
    hidden = keras.layers.Dense(8, "relu")(features(inputs))
    return compiled(keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden)))


def with_dropout() -> Any:
    keras.utils.set_random_seed(SEED)
    inputs = entrances()
    hidden = keras.layers.Dense(8, "relu", kernel_regularizer="l2")(features(inputs))
    hidden = keras.layers.Dropout(0.3, seed=1)(hidden)
    return compiled(keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden)))


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        inputs = entrances()
        self.encoder = keras.Model(inputs, features(inputs))
        self.head = keras.layers.Dense(3, "softmax")

    def call(self, inputs: Any) -> Any:
        return self.head(self.encoder(inputs))


def subclassed() -> Any:
    keras.utils.set_random_seed(SEED)
    return compiled(Subclassed())


def two_outputs() -> Any:
    keras.utils.set_random_seed(SEED)
    inputs = entrances()
    joined = features(inputs)
    hidden = keras.layers.Dense(8, "relu")(joined)
    outputs = {"a": keras.layers.Dense(3, "softmax", name="a")(hidden), "b": keras.layers.Dense(3, name="b")(joined)}
    model = keras.Model(inputs, outputs)
    losses = dict.fromkeys(outputs, keras.losses.SparseCategoricalCrossentropy())
    losses["b"] = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return compiled(
        model, loss=losses, metrics={name: ["accuracy"] for name in outputs}, loss_weights={"a": 1, "b": 0.3}
    )


def wide_and_deep() -> Any:
    """One input is preprocessed, one is not, and one is both."""
    keras.utils.set_random_seed(SEED)
    inputs = {"deep": keras.Input((3,), name="deep"), "wide": keras.Input((2,), name="wide")}
    inputs["both"] = keras.Input((1,), name="both")
    scale = keras.layers.Rescaling(0.5)
    deep = keras.layers.Dense(4, "relu")(keras.layers.Concatenate()([scale(inputs["deep"]), scale(inputs["both"])]))
    hidden = keras.layers.Concatenate()([inputs["wide"], keras.layers.Dense(2)(inputs["both"]), deep])
    return compiled(keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden)))


@pytest.mark.parametrize("make", [with_dropout, subclassed])
def test_text_trains_as_in_keras(make: Callable[[], Any], data: Data) -> None:
    x = columns_of(data)
    assert_same_training(make, x, data.labels, validation_data=(as_tensors(x), data.labels))


@pytest.mark.parametrize("make", [with_dropout, two_outputs, wide_and_deep])
def test_preprocessing_done_once_changes_no_bit(
    make: Callable[[], Any], data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = columns_of(data)
    if make is wide_and_deep:
        x = {"deep": data.x[:, :3], "wide": data.x[:, 3:5], "both": data.x[:, :1]}
    outputs = make().output
    y = dict.fromkeys(outputs, data.labels) if isinstance(outputs, dict) else data.labels
    models, histories = [], []
    for once in (True, False):
        if not once:
            monkeypatch.setattr(FIT, "preprocess", lambda *given: given)
        models.append(make())
        before = models[-1].to_json()
        arguments = {"validation_split": 0.2, "batch_size": 8, "epochs": 2, "seed": SEED, "jit": False, "verbose": 0}
        histories.append(fit(models[-1], x, y, **arguments))
        assert models[-1].to_json() == before
    assert histories[0].history == histories[1].history
    for mine, its in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
    for mine, its in zip(models[0].optimizer.variables, models[1].optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), its.numpy())


FIT = sys.modules["sweeps.training.fit_model"]  # the package has a function of this name


def test_the_steps_of_a_table_run_no_preprocessing(data: Data) -> None:
    model = functional()
    rows, _ = training_and_validation_rows((as_tensors(columns_of(data)), data.labels, None), None, 8, 0.0, None, None)
    rest, prepared, _ = preprocess(model, rows, None)
    assert [type(layer).__name__ for layer in rest.layers] == ["InputLayer", "Dense", "Dense"]
    assert prepared.tensors[0].shape == (101, 5)
    assert rest.optimizer is model.optimizer


def test_a_layer_that_learns_is_no_preprocessing(data: Data) -> None:
    inputs = {"size": keras.Input((1,), name="size"), "age": keras.Input((1,), name="age")}
    joined = keras.layers.Concatenate()([keras.layers.BatchNormalization()(inputs["size"]), inputs["age"]])
    model = compiled(keras.Model(inputs, keras.layers.Dense(3, "softmax")(joined)))
    x = {"size": data.x[:, :1], "age": data.x[:, 1:2]}
    rows, _ = training_and_validation_rows((x, data.labels, None), None, 8, 0.0, None, None)
    assert preprocess(model, rows, None)[0] is model


def test_rows_that_would_be_joined_are_left_to_the_step(data: Data) -> None:
    inputs = {"size": keras.Input((1,), name="size"), "age": keras.Input((1,), name="age")}
    joined = keras.layers.Concatenate(axis=0)([keras.layers.Rescaling(2.0)(value) for value in inputs.values()])
    model = compiled(keras.Model(inputs, keras.layers.Dense(3, "softmax")(joined)))
    x = {"size": data.x[:, :1], "age": data.x[:, 1:2]}
    rows, _ = training_and_validation_rows((x, data.labels, None), None, 8, 0.0, None, None)
    rest, _, _ = preprocess(model, rows, None)
    assert "Concatenate" in [type(layer).__name__ for layer in rest.layers]


def test_features_too_large_to_keep_are_made_in_each_step(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["sweeps.training.preprocessing"]
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    model = functional()
    rows, _ = training_and_validation_rows((as_tensors(columns_of(data)), data.labels, None), None, 8, 0.0, None, None)
    assert preprocess(model, rows, None)[0] is model


def test_numeric_columns_train_as_in_keras(data: Data) -> None:
    def make() -> Any:
        keras.utils.set_random_seed(SEED)
        inputs = {name: keras.Input((1,), name=name) for name in ("size", "age")}
        joined = keras.layers.Concatenate()([keras.layers.Rescaling(0.5)(value) for value in inputs.values()])
        return compiled(keras.Model(inputs, keras.layers.Dense(3, "softmax")(joined)))

    assert_same_training(make, {"size": data.x[:, :1], "age": data.x[:, 1:2]}, data.labels)


@pytest.mark.parametrize("kind", ["str", "bytes", "object"])
def test_any_kind_of_text_becomes_tensors(kind: str) -> None:
    text = np.array([["a"], [""]], dtype=object).astype({"str": np.str_, "bytes": np.bytes_, "object": object}[kind])
    made = as_tensors({"text": text, "number": np.ones((2, 1), np.float32)})
    assert made["text"].numpy().tolist() == [[b"a"], [b""]]
    assert made["number"].dtype == tf.float32


def test_arrays_without_text_stay_as_they_are(data: Data) -> None:
    x = {"x": data.x}
    assert as_tensors(x) is x
    assert as_tensors(data.images) is data.images
    assert as_tensors(None) is None


def test_text_reaches_keras_where_the_training_is_handed_over(data: Data) -> None:
    x, model = columns_of(data), functional()
    callback = keras.callbacks.TerminateOnNaN()
    history = fit(model, x, data.labels, validation_data=(x, data.labels), callbacks=[callback], verbose=0)
    assert history.handed_over == "TerminateOnNaN is called at batches"
    assert "val_loss" in history.history


def test_a_target_of_text_fails_as_in_keras(data: Data) -> None:
    with pytest.raises(ValueError, match="Invalid dtype: str"):
        fit(functional(), columns_of(data), CITIES[data.labels], verbose=0)


def test_text_for_numbers_is_refused(data: Data) -> None:
    x = columns_of(data)
    with pytest.raises((ValueError, TypeError, tf.errors.UnimplementedError)):
        fit(functional(), {**x, "age": x["city"]}, data.labels, verbose=0)


def test_a_column_that_is_missing_is_refused(data: Data) -> None:
    x = columns_of(data)
    del x["age"]
    with pytest.raises((ValueError, KeyError), match=r"age|structure"):
        fit(functional(), x, data.labels, verbose=0)


def test_a_table_of_many_columns_stays_resident() -> None:
    held = ResidentArrays(max_arrays=2)
    columns = [np.full((10, 1), value) for value in range(50)]
    for column in columns:
        held.tensor(column)
    assert all(held.holds(column) for column in columns)
