"""The benchmark's data: Fashion-MNIST as this project reads it, or its first rows as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sweeps.data import Dataset, DataSource, load

NAME = "fashion_mnist"


def fashion_mnist() -> Dataset:
    """Images uint8 (55000, 28, 28) for training and (5000, 28, 28) for validation, from `$KERAS_HOME`.

    Raises:
        sweeps.errors.InputError: it does not exist there and cannot be downloaded.
    """
    return load(DataSource(NAME))


def some_rows(data: Dataset, folder: Path, training: int, validation: int) -> str:
    """Write the first rows to an .npz file; return its path."""
    file = folder / f"first-{training}.npz"
    train = data.train.map(lambda array: array[:training])
    valid = data.validation.map(lambda array: array[:validation])
    assert not isinstance(train.x, dict)
    assert not isinstance(valid.x, dict)
    np.savez(file, x_train=train.x, y_train=train.y, x_valid=valid.x, y_valid=valid.y)
    return str(file)
