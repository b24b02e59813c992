"""What reaches a person's own model: the numbers that plain Keras gives it, whatever the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import sweeps
from sweeps.data import Dataset, DataSource, from_arrays, load
from sweeps.data.target_for_loss import for_model
from sweeps.errors import InputError
from sweeps.training import fit
from sweeps.tuner.arrays import read

GIVEN = DataSource("arrays", as_given=True)
I64 = np.arange(64)
DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "str"),
)


class Seen(keras.layers.Layer):
    """Keeps what it is fed: each number's or text's place in a table that holds them all, and the dtype."""

    def build(self, shape: Any) -> None:
        self.dtypes: list[str] = []
        self.total = self.add_weight(shape=(2,), dtype="float64", trainable=False, initializer="zeros", autocast=False)
        self.scale = self.add_weight(shape=(), trainable=True)

    def call(self, x: Any) -> Any:
        self.dtypes.append(keras.backend.standardize_dtype(x.dtype))
        if x.dtype == tf.string:
            x = tf.strings.to_hash_bucket_fast(x, 2**30)
        exact = tf.cast(x, tf.float64)
        self.total.assign_add(tf.stack([tf.reduce_sum(exact), tf.reduce_sum(exact * exact)]))
        return keras.ops.cast(keras.ops.reshape(exact, (-1, 1)), "float32") * 1e-9 * self.scale


def seeing(dtype: str) -> keras.Model:
    # Keras takes the input of a Sequential without an Input layer for numbers
    model = keras.Sequential([keras.Input((), dtype="string"), Seen()] if dtype == "str" else [Seen()])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model


def values(dtype: str) -> Any:
    if dtype == "bool":
        return (I64 % 3 == 0)[:, np.newaxis]
    if dtype == "str":
        return np.array([f"word {number}" for number in I64])
    top = {"int32": 2**24, "int64": 2**40, "uint32": 2**31, "uint64": 2**40}.get(dtype, 0)
    step = 0.3 if dtype.startswith("float") else 1
    return (top + I64 * step).astype(dtype)[:, np.newaxis]


def of_run(x: Any, y: Any, folder: Path) -> Dataset:
    return from_arrays(x, y, GIVEN, validation=(x[:8], y[:8]))


def of_tuner(x: Any, y: Any, folder: Path) -> Dataset:
    return read((x, y), {"validation_data": (x[:8], y[:8])}, lambda _: ())[0]


def of_npz(x: Any, y: Any, folder: Path) -> Dataset:
    np.savez(folder / "t.npz", x_train=x, y_train=y, x_valid=x[:8], y_valid=y[:8])
    return load(DataSource(str(folder / "t.npz"), as_given=True))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_numbers_that_reach_a_model_are_those_of_plain_keras(dtype: str, tmp_path: Path) -> None:
    x, y = values(dtype), I64 * 0.5
    plain = seeing(dtype)
    plain.fit(tf.constant(x) if dtype == "str" else x, y, epochs=1, batch_size=16, verbose=0)
    fitted = set()
    for way in (of_run, of_tuner, of_npz):
        data, model = way(x, y, tmp_path), seeing(dtype)
        arrays = tuple((array.dtype, array.shape, array.tobytes()) for array in (data.train.x, data.train.y))
        if arrays in fitted:
            continue  # what another way gave
        fitted.add(arrays)
        fit(model, data.train.x, data.train.y, epochs=1, batch_size=16, verbose=0, seed=0)
        assert set(model.layers[0].dtypes) == set(plain.layers[0].dtypes), way
        np.testing.assert_allclose(model.layers[0].total, plain.layers[0].total, rtol=1e-15, err_msg=str(way))


def test_a_series_is_a_column_as_in_keras() -> None:
    shapes: dict[str, set[Any]] = {"keras": set(), "ours": set()}
    for name in shapes:

        def metric(y_true: Any, y_pred: Any, seen: set[Any] = shapes[name]) -> Any:
            seen.add(tuple(y_true.shape[1:]))
            return keras.ops.mean(y_true - y_pred)

        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=[metric])
        x, y = np.ones((64, 1), "float32"), pd.Series(I64 / 64)
        (fit(model, x, y, verbose=0) if name == "ours" else model.fit(x, y, verbose=0))
    assert shapes["ours"] == shapes["keras"] == {(1,)}


def compiled(units: int, loss: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(units)])
    model.compile("sgd", loss)
    return model


def custom(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


SPARSE, COLUMNS, BINARY = "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"


@pytest.mark.parametrize(
    ("y", "units", "loss", "form", "kind", "labels"),
    [
        (I64 % 7 + 3, 1, "mse", "given", "regression", None),
        (I64 % 7 + 3, 1, custom, "given", "regression", None),
        (I64 % 7 + 3, 7, SPARSE, "indices", "sparse", "3456789"),
        (I64 % 7 + 3, 10, keras.losses.SparseCategoricalCrossentropy(), "given", "sparse", "0123456789"),
        (I64 % 3 - 1, 2, keras.losses.SparseCategoricalCrossentropy(ignore_class=-1), "given", "sparse", "01"),
        (I64 % 3, 3, SPARSE, "given", "sparse", "012"),
        (I64 % 2, 2, SPARSE, "given", "sparse", "01"),
        (I64 % 3, 3, COLUMNS, "columns", "one_hot", "012"),
        (np.eye(3)[I64 % 3], 3, COLUMNS, "given", "one_hot", "012"),
        (I64 % 2 * 2 - 1, 1, "hinge", "given", "binary", ("-1", "1")),
        (I64 % 2 * 2 - 1, 1, "mse", "given", "regression", None),
        (I64 % 2, 1, "mse", "given", "binary", "01"),
        (I64 % 2 + 1, 1, BINARY, "indices", "binary", "12"),
        (I64 % 2, 1, BINARY, "given", "binary", "01"),
        (np.array(["a", "b", "c"])[I64 % 3], 3, SPARSE, "given", "sparse", "abc"),
    ],
)
def test_a_target_is_encoded_only_for_a_loss_over_classes_that_cannot_take_it(
    y: Any, units: int, loss: Any, form: str, kind: str, labels: Any
) -> None:
    given = from_arrays(I64[:, np.newaxis], y, GIVEN)
    data = for_model(given, compiled(units, loss))
    assert (data.form, data.spec.target, data.labels) == (form, kind, None if labels is None else tuple(labels))
    assert len(data.warnings) == (form != "given")
    for part in data.parts:
        classes = np.unique(y, return_inverse=True)[1] if y.ndim == 1 else y
        encoded = classes[part.x[:, 0]]
        wanted = {"given": encoded if y.dtype.kind == "U" else y[part.x[:, 0]], "indices": encoded}
        np.testing.assert_array_equal(part.y, wanted.get(form, np.eye(3)[encoded] if form == "columns" else 0))


def test_the_loss_of_a_model_says_what_the_task_is() -> None:
    whole = from_arrays(I64[:, np.newaxis], I64 % 7 + 3, GIVEN)
    assert for_model(whole, compiled(1, "mse")).task == "regression (by the model's loss, mse)"
    assert for_model(whole, compiled(7, SPARSE)).task == (
        f"7 classes (target: 7 different whole numbers; loss {SPARSE})"
    )


def test_class_weights_are_those_of_the_classes_whatever_their_numbers() -> None:
    from sweeps.data.class_weights import row_weights

    data = from_arrays(I64[:, np.newaxis], I64 % 7 + 3, GIVEN)
    weights = row_weights((("4", 5.0),), for_model(data, compiled(10, SPARSE)))
    np.testing.assert_array_equal(weights, np.where(data.train.y == 4, 5, 1))


def test_a_prepared_dataset_is_left_as_it_is() -> None:
    data = from_arrays(I64[:, np.newaxis], I64 % 7 + 3, replace(GIVEN, as_given=False))
    assert for_model(data, compiled(1, "mse")) is data


@keras.saving.register_keras_serializable("own_arrays")
def r2(y_true: Any, y_pred: Any) -> Any:
    y_true = keras.ops.cast(y_true, y_pred.dtype)
    rest = keras.ops.sum(keras.ops.square(y_true - y_pred))
    return 1 - rest / keras.ops.sum(keras.ops.square(y_true - keras.ops.mean(y_true)))


def linear(hp: keras_tuner.HyperParameters) -> keras.Model:
    hp.Int("unused", 1, 3)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.3), "mse", metrics=["mae", r2])
    return model


def of_ids(hp: keras_tuner.HyperParameters) -> keras.Model:
    hp.Int("unused", 1, 3)
    inputs = keras.Input((1,), dtype="int64")
    found = keras.layers.IntegerLookup(vocabulary=list(range(2**24, 2**24 + 64)))(inputs)
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(keras.layers.Embedding(65, 8)(found)))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def swept(space: Callable[..., Any], x: Any, y: Any, study: str, epochs: int) -> sweeps.Result:
    options = {"trials": 1, "epochs": epochs, "jobs": 1, "pruner": "none", "show": False}
    return sweeps.run(space, data=(x, y), study=study, **options)


@pytest.mark.slow
@pytest.mark.usefixtures("one_worker")
def test_whole_number_targets_in_a_column_are_learned_as_they_are(here: Path) -> None:
    x = (np.arange(200) % 5 / 2 - 1).astype("float32")[:, np.newaxis]
    y = (np.array([1, 26, 51, 75, 100])[np.arange(200) % 5])[:, np.newaxis]
    result = swept(linear, x, y, "quantity", 20)
    assert result.best.objective == "val_loss"
    assert result.test_data is not None
    test_x, test_y = result.test_data
    assert (test_y.shape, test_y.dtype) == ((40, 1), y.dtype)
    scores = result.model().evaluate(test_x, test_y, return_dict=True, verbose=0)
    assert scores["mae"] < 1
    assert scores["r2"] > 0.99
    prediction = result.model().predict(np.array([[-1.0], [1.0]]), verbose=0)
    np.testing.assert_allclose(prediction.ravel(), [1, 100], atol=1)
    with pytest.raises(InputError, match=r"had its data from a Python program .* sweeps.run with the same arguments"):
        sweeps.Result("quantity").test_data  # noqa: B018
    assert swept(linear, x, y, "quantity", 20).test_data is not None  # nothing is run again


@pytest.mark.slow
@pytest.mark.usefixtures("one_worker")
def test_ids_beyond_those_that_float32_holds_are_told_apart(here: Path) -> None:
    ids = 2**24 + np.arange(640)[:, np.newaxis] % 64
    y = ids[:, 0] % 2
    result = swept(of_ids, ids, y, "ids", 20)
    assert result.best.value == 1.0
    assert result.test_data is not None
    assert result.model().evaluate(*result.test_data, return_dict=True, verbose=0)["accuracy"] == 1.0
    np.savez(result.export() / "rows.npz", x=ids[:64])
    from exports import predict_file

    found = predict_file(here / "exports/ids", here / "exports/ids/rows.npz", 64)
    assert [row["class"] for row in found] == [str(number) for number in y[:64]]
