"""The floor counts every product that a network needs, and none that it does not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import floor
from benchmarks.configurations import BATCH_SIZE
from benchmarks.floor import Product, epoch_seconds, forward_products, training_products

UNITS = (784, 300, 100, 10)


def test_a_training_step_needs_three_products_a_layer_but_two_for_the_first() -> None:
    assert training_products(UNITS, 32) == [
        Product("forward", 0, 32, 784, 300),
        Product("forward", 1, 32, 300, 100),
        Product("forward", 2, 32, 100, 10),
        Product("weights", 2, 100, 32, 10),
        Product("inputs", 2, 32, 10, 100),
        Product("weights", 1, 300, 32, 100),
        Product("inputs", 1, 32, 100, 300),
        Product("weights", 0, 784, 32, 300),
    ]


def test_each_products_work_is_that_of_its_layers_weights_and_batch() -> None:
    for product in training_products(UNITS, 7):
        n_in, n_out = UNITS[product.layer : product.layer + 2]
        assert product.flops == 2 * 7 * n_in * n_out


def test_validation_needs_the_forward_products_alone() -> None:
    assert [product.kind for product in forward_products(UNITS, 8)] == ["forward"] * 3


def test_an_epoch_takes_its_full_batches_and_the_smaller_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def step(units: object, batch: int, products: list[Product]) -> object:
        assert products[0].rows == batch
        return lambda: sizes.append(batch)

    monkeypatch.setattr(floor, "_step", step)
    monkeypatch.setattr(floor, "REPEATS", 1)
    epoch_seconds(UNITS, 2 * BATCH_SIZE + 5, training=True)
    assert sizes == [BATCH_SIZE, BATCH_SIZE, 5]


def test_a_steps_products_are_computed_by_numpy_in_the_shapes_that_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    computed: list[tuple[int, ...]] = []

    class Spy:
        """NumPy, listened to."""

        def __getattr__(self, name: str) -> object:
            return getattr(np, name)

        @staticmethod
        def matmul(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:  # type: ignore[type-arg]
            computed.append((*left.shape, right.shape[1]))
            np.matmul(left, right, out=out)

    products = training_products(UNITS, 5)
    step = floor._step(UNITS, 5, products)
    monkeypatch.setattr(floor, "np", Spy())
    step()
    assert computed == [(product.rows, product.inner, product.columns) for product in products]


def test_the_floor_is_measured_in_processes_of_its_own() -> None:
    found = floor.measure(configurations=1, train_rows=40, validation_rows=8, slots=2)
    assert len(found.training) == len(found.validation) == 1
    assert found.training[0] > found.validation[0] > 0
    assert found.epoch == pytest.approx(found.training[0] + found.validation[0])
    assert found.blas
