"""The data sets of the table, each split into training, validation and test rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import datasets

Array = NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """How many rows train, validate and test; of larger data sets so many are drawn."""

    train: int
    validation: int
    test: int


def _digits() -> tuple[Array, Array]:
    return datasets.load_digits(return_X_y=True)  # type: ignore[no-any-return]


def _breast_cancer() -> tuple[Array, Array]:
    return datasets.load_breast_cancer(return_X_y=True)  # type: ignore[no-any-return]


def _fashion_mnist() -> tuple[Array, Array]:
    import keras

    (x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    return np.concatenate([x, x_test]), np.concatenate([y, y_test])


def _california_housing() -> tuple[Array, Array]:
    """The numbers of the file that `SWEEPS_HOUSING_CSV` names; the target in 100,000 dollars."""
    table = pd.read_csv(os.environ["SWEEPS_HOUSING_CSV"]).select_dtypes("number").dropna()
    return table.drop(columns="median_house_value").to_numpy(), table["median_house_value"].to_numpy() / 1e5


def _clusters() -> tuple[Array, Array]:
    """Five classes of four clusters each, in a corner of 20 columns; one label in twenty is wrong."""
    return datasets.make_classification(  # type: ignore[no-any-return]
        6000, 20, n_informative=8, n_redundant=4, n_classes=5, n_clusters_per_class=4, flip_y=0.05, random_state=0
    )


def _friedman() -> tuple[Array, Array]:
    """Friedman's first function of five of ten columns, with noise; a regression."""
    return datasets.make_friedman1(4000, noise=1.0, random_state=0)  # type: ignore[no-any-return]


#: name -> the rows that there are, x and y, and how many are taken
DATA_SETS: Mapping[str, tuple[Callable[[], tuple[Array, Array]], Rows]] = {
    "digits": (_digits, Rows(1000, 300, 497)),
    "fashion_mnist": (_fashion_mnist, Rows(10_000, 5_000, 3_000)),
    "california_housing": (_california_housing, Rows(8_000, 4_000, 4_000)),
    "breast_cancer": (_breast_cancer, Rows(300, 120, 149)),
    "clusters": (_clusters, Rows(3_000, 1_000, 2_000)),
    "friedman": (_friedman, Rows(2_000, 1_000, 1_000)),
}


def arrays(name: str, split: int = 0) -> dict[str, Array]:
    """A data set as the arrays of an .npz file for `sweeps run`: `x_train` … `y_test`.

    Args:
        split: a number for each way to draw the rows.
    """
    make, rows = DATA_SETS[name]
    x, y = make()
    order = np.random.default_rng(split).permutation(len(x))
    parts: dict[str, Array] = {}
    begin = 0
    for part, count in (("train", rows.train), ("valid", rows.validation), ("test", rows.test)):
        chosen = order[begin : begin + count]
        parts |= {f"x_{part}": x[chosen], f"y_{part}": y[chosen]}
        begin += count
    return {key: value.astype(np.float32) if value.dtype == np.float64 else value for key, value in parts.items()}
