"""KerasTuner's applications are searched as hypermodels at a tiny size.

HyperEfficientNet always loads weights from the network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from both import Rows

import sweeps.tuner as kt

pytestmark = pytest.mark.slow

SHAPE = (32, 32, 3)


def smallest(**values: Any) -> kt.HyperParameters:
    hp = kt.HyperParameters()
    for name, value in values.items():
        hp.Fixed(name, value)
    return hp


@pytest.mark.parametrize(
    ("make", "fixed"),
    [
        (lambda: kt.applications.HyperResNet(input_shape=SHAPE, classes=10), {"version": "v2", "conv4_depth": 6}),
        (
            lambda: kt.applications.HyperXception(input_shape=SHAPE, classes=10),
            {"num_residual_blocks": 2, "conv2d_num_filters": 32, "sep_num_filters": 128},
        ),
    ],
    ids=["HyperResNet", "HyperXception"],
)
def test_an_application_is_searched_and_its_model_loaded(make: Any, fixed: Any, rows: Rows, tmp_path: Path) -> None:
    x = np.kron(rows.train[0][:8].reshape(-1, 8, 8, 1), np.ones((1, 4, 4, 3), "float32"))
    y = keras.utils.to_categorical(rows.train[1][:8], 10)
    hp = smallest(**fixed)
    tuner = kt.RandomSearch(make(), "val_accuracy", max_trials=1, hyperparameters=hp, directory=tmp_path)
    tuner.search(x, y, epochs=1, validation_data=(x, y), verbose=0)
    best = tuner.get_best_hyperparameters()[0]
    assert fixed.items() <= best.values.items()
    assert len(best.values) > len(fixed)
    assert tuner.get_best_models()[0].predict(x, verbose=0).shape == (8, 10)
