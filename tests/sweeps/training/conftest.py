"""Tiny data and models, and the same training twice: by Keras's `fit` and by ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest

from sweeps.training import as_tensors, fit
from sweeps.training.resident import RESIDENT
from sweeps.training.rows import Rows

SEED = 7


@dataclass(frozen=True)
class Data:
    """x float32 (n, 6), images uint8 (n, 4, 4), labels int64 (n,) of three classes that a net learns."""

    x: np.ndarray
    images: np.ndarray
    labels: np.ndarray

    @property
    def one_hot(self) -> np.ndarray:
        return np.eye(3, dtype=np.float32)[self.labels]

    @property
    def binary(self) -> np.ndarray:
        return (self.labels > 0).astype(np.float32)

    @property
    def values(self) -> np.ndarray:
        return (self.x[:, :2] * 2 + 1).astype(np.float32)


def make_data(rows: int = 101) -> Data:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, rows)
    x = (generator.standard_normal((rows, 6)) + labels[:, None]).astype(np.float32)
    images = generator.integers(0, 256, (rows, 4, 4), dtype=np.uint8)
    return Data(x, images, labels)


@pytest.fixture
def data() -> Data:
    return make_data()


@pytest.fixture(autouse=True)
def _nothing_resident() -> None:
    RESIDENT.clear()


def classifier(
    optimizer: Any = None, *, hidden: Callable[[], list[Any]] | None = None, **compile_arguments: Any
) -> Any:
    """6 -> 8 -> 3, the same weights each time."""
    keras.utils.set_random_seed(SEED)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            *(hidden() if hidden else [keras.layers.Dense(8, "relu")]),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    arguments = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **compile_arguments}
    model.compile(optimizer if optimizer is not None else keras.optimizers.SGD(0.1), **arguments)
    return model


def order_of(rows: int, epoch: int, batch_size: int = 8, shuffle: bool | str = True) -> np.ndarray:
    return Rows((), None, 0, rows, batch_size).order(shuffle, SEED, epoch)


def keras_fit(
    model: Any, x: Any, y: Any, *, epochs: int, sample_weight: Any = None, **arguments: Any
) -> dict[str, list[float]]:
    """`model.fit` on the permutations that ours takes: one call an epoch, on rows put in order beforehand."""
    rows = len(keras.tree.flatten(x)[0])
    history: dict[str, list[float]] = {}
    for epoch in range(epochs):
        order = order_of(rows, epoch)

        def ordered(tree: Any, order: np.ndarray = order) -> Any:
            return keras.tree.map_structure(lambda leaf: None if leaf is None else leaf[order], tree)

        logs = model.fit(
            as_tensors(ordered(x)),
            ordered(y),
            sample_weight=ordered(sample_weight),
            shuffle=False,
            verbose=0,
            initial_epoch=epoch,
            epochs=epoch + 1,
            **arguments,
        )
        for name, values in logs.history.items():
            history.setdefault(name, []).extend(values)
    return history


def assert_same_training(
    make: Callable[[], Any],
    x: Any,
    y: Any,
    *,
    epochs: int = 2,
    tolerance: float = 1e-4,
    jit: Any = "auto",
    **arguments: Any,
) -> Any:
    """All ways end with the same weights, optimizer state and history: Keras's, and ours in a graph and, where they
    can do it, by kernels. Returns our model."""
    arguments = {"batch_size": 8, **arguments}
    theirs = make()
    expected = keras_fit(theirs, x, y, epochs=epochs, **arguments)
    for way in ("auto", False) if jit == "auto" else (jit,):
        ours = make()
        history = fit(ours, x, y, epochs=epochs, verbose=0, seed=SEED, jit=way, **arguments)
        assert history.handed_over is None
        assert list(history.history) == list(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(history.history[name], values, atol=tolerance, rtol=tolerance, err_msg=name)
        for mine, its in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(mine, its, atol=tolerance)
        for mine, its in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
            np.testing.assert_allclose(mine.numpy(), its.numpy(), atol=tolerance, err_msg=mine.path)
        if not history.by_kernels:
            break  # "auto" was the graph already
    return ours
