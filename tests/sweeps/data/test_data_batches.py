"""Data that `sweeps.run` reads into memory: batches, sparse matrices, lists of inputs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf

import sweeps
from sweeps.api.given_data import dataset_of
from sweeps.data.batches import in_memory
from sweeps.errors import InputError

X, Y = np.arange(60.0, dtype="float32").reshape(20, 3), np.arange(20) % 2


class Batches(keras.utils.PyDataset):
    """Batches of six rows."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return X[6 * index : 6 * index + 6], Y[6 * index : 6 * index + 6]


class Endless(Batches):
    @property
    def num_batches(self) -> None:
        """Keras's word for no end."""


def rows() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((X, Y))


@pytest.mark.parametrize("data", [rows().batch(6), Batches(), (scipy.sparse.csr_matrix(X), Y), (X, Y)])
def test_all_rows_are_read_in_their_order(data: Any) -> None:
    x, y = in_memory("data", data)
    assert x.tolist() == X.tolist()
    assert y.tolist() == Y.tolist()


def test_inputs_by_name_or_place_and_weights_stay_apart() -> None:
    by_name = rows().batch(6).map(lambda x, y: ({"a": x, "b": tf.as_string(x)}, y, tf.cast(y, tf.float32)))
    x, _, weight = in_memory("data", by_name)
    assert x["a"].tolist() == X.tolist()
    assert x["b"][0].tolist() == ["0.000000", "1.000000", "2.000000"]
    assert weight.tolist() == Y.tolist()
    first, second = in_memory("data", rows().batch(6).map(lambda x, y: ((x, -x), y)))[0]
    assert (first + second == 0).all()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (rows().batch(6).repeat(), r"data: a tf.data.Dataset with an end is needed, got one that repeats"),
        (rows(), r"data: a tf.data.Dataset of batches is needed, got one of rows: give .batch\(32\)"),
        (rows().batch(6).map(lambda x, y: x), r"data: each batch must be \(x, y\)"),
        (rows().batch(6).take(0), "data: one batch at least is needed, got none"),
        (Endless(), "data: a PyDataset with an end is needed, got one whose num_batches is None"),
        ((row for row in X), "data: a generator can be read once only"),
        (X, r"data: arrays \(x, y\) .* is needed, got ndarray"),
        ((X, Y, Y, Y), r"data: \(x, y\) or \(x, y, sample_weight\) is needed, got 4 parts"),
        ((scipy.sparse.csr_matrix((100_000, 10_000)), Y), "data: a sparse matrix of at most 1 GiB .* got 7.5 GiB"),
    ],
)
def test_what_cannot_be_read_is_told_in_two_lines_at_most(data: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        sweeps.run(data=data)
    assert len(str(raised.value).splitlines()) <= 2


def two_inputs(hp: Any) -> keras.Model:
    inputs = [keras.Input((3,), name="left"), keras.Input((3,), name="right")]
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Add()(inputs)))
    model.compile(hp.Choice("optimizer", ["sgd", "adam"]), "mse")
    return model


def test_a_list_of_inputs_gets_the_names_of_the_models_input_layers() -> None:
    data, _ = dataset_of(([X, -X], Y), ([X, X], Y), {}, two_inputs)
    assert data is not None
    assert data.train.columns["left"].tolist() == X.tolist()
    assert data.train.columns["right"].tolist() == (-X).tolist()
    assert data.validation.columns["right"].tolist() == X.tolist()
    data, _ = dataset_of(rows().batch(6).map(lambda x, y: ((x, -x), y)), None, {}, two_inputs)
    assert data is not None
    assert set(data.train.columns) == {"left", "right"}
    with pytest.raises(InputError, match="got 3 arrays and 2 Input layers"):
        dataset_of(([X, X, X], Y), None, {}, two_inputs)
    with pytest.raises(InputError, match="several inputs go in a dictionary"):
        dataset_of(([X, X], Y), None, {}, "mlp")
