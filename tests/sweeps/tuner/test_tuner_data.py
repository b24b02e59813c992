"""Data as people have it: each form goes through a search, in workers where it can travel."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf
from tuner_models import build_model

import sweeps.tuner as kt
from sweeps.errors import InputError
from sweeps.tuner.arrays import read
from sweeps.tuner.feeds import Feed, StaysHere, is_feed

X, Y = np.arange(40.0, dtype="float32").reshape(10, 4), np.arange(10) % 2


class Batches(keras.utils.PyDataset):
    """Batches of arrays, as people write them."""

    def __init__(self, x: Any, y: Any, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.x, self.y, self.size = x, y, size

    def __len__(self) -> int:
        return -(-len(self.x) // self.size)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rows = slice(index * self.size, (index + 1) * self.size)
        return self.x[rows], self.y[rows]


def dataset(x: Any = X, y: Any = Y, size: int = 4) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(size)


def names(count: int) -> tuple[str, ...]:
    return tuple("abc"[:count])


# --- what is sent, and how it arrives


def arrived(value: Any) -> Any:
    feed = Feed({"x": value})
    with feed.sent() as sent:
        return pickle.loads(pickle.dumps(sent)).arguments["x"]


@pytest.mark.parametrize(
    "change",
    [
        lambda given: given.shuffle(10, seed=3, reshuffle_each_iteration=False),
        lambda given: given.map(lambda x, y: (x / 2, y), num_parallel_calls=tf.data.AUTOTUNE),
        lambda given: given.cache().prefetch(tf.data.AUTOTUNE).repeat(2),
        lambda given: given.map(lambda x, y: ({"a": x}, y, tf.ones(4)[: tf.shape(y)[0]])),
    ],
)
def test_a_dataset_arrives_with_its_batches(change: Callable[[Any], Any]) -> None:
    given = change(dataset())
    there = arrived(given)
    assert there.element_spec == given.element_spec
    for ours, theirs in zip(there, given, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, ours, theirs)


def test_other_data_arrives_as_it_was() -> None:
    there = arrived(Batches(X, Y, 4))
    assert there[2][0].tolist() == X[8:].tolist()
    sparse = arrived(scipy.sparse.csr_matrix(X))
    assert (sparse != scipy.sparse.csr_matrix(X)).nnz == 0


def endless() -> Any:
    while True:
        yield X, Y


@pytest.mark.parametrize(
    "stays",
    [
        endless(),
        tf.data.Dataset.from_generator(lambda: iter([(X, Y)]), output_types=(tf.float32, tf.int32)),
        dataset().map(lambda x, y: (tf.numpy_function(lambda z: z, [x], tf.float32), y)),
    ],
)
def test_what_only_this_process_can_run_is_not_sent(stays: Any) -> None:
    with pytest.raises(StaysHere, match=r"Python function|generator"):
        read((stays,), {}, names)[1].feed.sent().__enter__()  # type: ignore[union-attr]


# --- what the engine sees of it


@pytest.mark.parametrize("data", [dataset(), Batches(X, Y, 4)])
def test_the_first_batch_describes_the_data(data: Any) -> None:
    found, call, epochs = read((data,), {"epochs": 3, "validation_data": data, "steps_per_epoch": 2}, names)
    assert (found.train.x.tolist(), found.train.y.tolist()) == (X[:4].tolist(), Y[:4].tolist())
    assert found.validation.x.tolist() == X[:4].tolist()
    assert call.options == {"steps_per_epoch": 2}
    assert (call.positional, epochs) == (1, 3)
    assert set(call.feed.arguments) == {"x", "validation_data"}  # type: ignore[union-attr]


def test_a_look_at_the_data_takes_one_batch() -> None:
    brief = Feed({"x": dataset(), "validation_data": Batches(X, Y, 4)}).brief()
    assert len(list(brief["x"])) == len(brief["validation_data"]) == brief["validation_data"].num_batches == 1
    brief = Feed({"x": scipy.sparse.coo_matrix(np.eye(40)), "y": pd.Series(range(40))}).brief()
    assert brief["x"].shape == (15, 40)
    assert brief["y"].tolist() == list(range(15))


def test_the_same_script_gives_the_same_digest_and_other_data_another() -> None:
    def digest(data: Any) -> str:
        return read((data,), {}, names)[0].digest

    shuffled = dataset().shuffle(10)
    assert digest(shuffled) == digest(shuffled)
    assert len({digest(dataset()), digest(dataset(size=2)), digest(dataset(X[:, :2])), digest(Batches(X, Y, 4))}) == 4


def test_frames_are_arrays_for_kerass_fit_and_frames_for_ones_own() -> None:
    frame, series = pd.DataFrame(X), pd.Series(Y)
    assert read((frame, series), {}, names)[1].feed is None
    found, call, _ = read((frame, series), {}, names, keeps_frames=True)
    assert call.feed is not None
    assert call.feed.arguments["x"] is frame
    assert found.train.x.shape == (10, 4)
    assert not any(is_feed(one) for one in (frame, series, X, [1, 2], "text", None))


def test_a_dataset_without_a_batch_is_told() -> None:
    with pytest.raises(InputError, match="data with one batch at least is needed, got an empty _TakeDataset"):
        read((dataset().take(0),), {}, names)


# --- searches


def two_inputs(hp: kt.HyperParameters) -> keras.Model:
    left, right = keras.Input((64,), name="left"), keras.Input((64,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    model = keras.Model([left, right], keras.layers.Dense(10, activation="softmax")(joined))
    model.compile(hp.Choice("optimizer", ["adam", "sgd"]), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def sparse_model(hp: kt.HyperParameters) -> keras.Model:
    model = keras.Sequential([keras.Input((64,), sparse=True), keras.layers.Dense(hp.Int("units", 8, 16))])
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Framed(kt.HyperModel):
    """A `fit` that counts on a frame."""

    def build(self, hp: kt.HyperParameters) -> keras.Model:
        return build_model(hp)

    def fit(self, hp: kt.HyperParameters, model: keras.Model, x: Any, y: Any, **kwargs: Any) -> Any:
        return model.fit(x[x.columns[:64]].to_numpy(), y.values, **kwargs)


FORMS: dict[str, Callable[[Any], tuple[Any, tuple[Any, ...], dict[str, Any]]]] = {
    "a Dataset, and one to validate": lambda d: (
        *(build_model, (dataset(*d.train, size=64).shuffle(9),)),
        {"validation_data": dataset(*d.valid, size=64), "class_weight": dict.fromkeys(range(10), 0.5)},
    ),
    "a repeated Dataset with steps": lambda d: (
        *(build_model, (dataset(*d.train, size=64).repeat(),)),
        {"validation_data": dataset(*d.valid, size=64).repeat(), "steps_per_epoch": 5, "validation_steps": 2},
    ),
    "a PyDataset, and arrays to validate": lambda d: (
        *(build_model, (Batches(*d.train, 64),)),
        {"validation_data": d.valid},
    ),
    "arrays, and a PyDataset to validate": lambda d: (
        *(build_model, d.train),
        {"validation_data": Batches(*d.valid, 64), "batch_size": 64},
    ),
    "a Dataset of two inputs": lambda d: (
        *(two_inputs, (dataset((d.train[0], d.train[0]), d.train[1], 64),)),
        {"validation_data": dataset((d.valid[0], d.valid[0]), d.valid[1], 64)},
    ),
    "a list of inputs": lambda d: (two_inputs, ([d.x, d.x], d.y), {"validation_split": 0.2}),
    "a sparse matrix": lambda d: (
        *(sparse_model, (scipy.sparse.csr_matrix(d.x), d.y)),
        {"validation_data": (scipy.sparse.csr_matrix(d.valid[0]), d.valid[1])},
    ),
    "frames": lambda d: (
        *(build_model, (pd.DataFrame(d.x), pd.Series(d.y))),
        {"validation_split": 0.2, "sample_weight": np.ones(len(d.x))},
    ),
    "frames, for a fit of one's own": lambda d: (
        *(Framed(), (pd.DataFrame(d.x), pd.Series(d.y))),
        {"validation_split": 0.2},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_search_takes(form: str, tmp_path: Path, digits: Any) -> None:
    model, args, kwargs = FORMS[form](digits)
    tuner = kt.RandomSearch(model, "val_accuracy", max_trials=2, directory=tmp_path, seed=1)
    tuner.search(*args, epochs=2, verbose=0, callbacks=[keras.callbacks.EarlyStopping(patience=5)], **kwargs)
    assert [trial.status for trial in tuner.oracle.trials.values()] == ["COMPLETED"] * 2
    assert all(0 < trial.score < 1 for trial in tuner.oracle.trials.values())
    best = tuner.get_best_models(1)[0]
    taken = [digits.x, digits.x] if model is two_inputs else digits.x
    taken = scipy.sparse.csr_matrix(digits.x) if model is sparse_model else taken
    assert best.predict(taken, verbose=0).shape == (1797, 10)
    # the space is known after the search, too, where the workers' file is gone
    assert tuner.oracle.get_space().space
