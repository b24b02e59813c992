"""The benchmark's data: Fashion-MNIST as this project reads it, whole, or a few rows of it in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sweeps.data import Dataset, DataSource, load

NAME = "fashion_mnist"


def fashion_mnist() -> Dataset:
    """uint8 (55000, 28, 28) to train with and (5000, 28, 28) to validate with, from `$KERAS_HOME`.

    Raises:
        sweeps.errors.InputError: it is not there, and cannot be fetched.
    """
    return load(DataSource(NAME))


def some_rows(data: Dataset, folder: Path, training: int, validation: int) -> str:
    """A dataset of the first rows, as the path of an .npz file."""
    file = folder / f"first-{training}.npz"
    train = data.train.map(lambda array: array[:training])
    valid = data.validation.map(lambda array: array[:validation])
    assert not isinstance(train.x, dict)
    assert not isinstance(valid.x, dict)
    np.savez(file, x_train=train.x, y_train=train.y, x_valid=valid.x, y_valid=valid.y)
    return str(file)
