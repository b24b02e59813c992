"""Digits as raw arrays, and the targets of every kind that can be made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_digits

from search_spaces import DataSpec, InputSpec, Target

Array = npt.NDArray[Any]
IMAGES = InputSpec((8, 8), "uint8", high=16.0)


@pytest.fixture(scope="session")
def digits() -> tuple[Array, Array]:
    """x: uint8 (360, 8, 8), y: int (360,)."""
    x, y = load_digits(return_X_y=True)
    return x.reshape(-1, 8, 8).astype(np.uint8)[:360], y[:360]


@pytest.fixture(scope="session")
def problem(digits: tuple[Array, Array]) -> Callable[[Target], tuple[DataSpec, Array, Array]]:
    """Of a kind of target, the spec, the images and the target."""
    x, y = digits
    one_hot = np.eye(10, dtype=np.float32)[y]
    targets: dict[Target, tuple[int, Array]] = {
        "sparse": (10, y.astype(np.int32)),
        "one_hot": (10, one_hot),
        "binary": (1, (y % 2).astype(np.int32)),
        "multi_label": (3, np.stack([y % 2 == 0, y > 4, y % 3 == 0], axis=1).astype(np.float32)),
        "regression": (1, y.astype(np.float32)),
    }
    return lambda kind: (DataSpec(IMAGES, kind, targets[kind][0]), x, targets[kind][1])
