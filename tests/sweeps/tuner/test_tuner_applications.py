"""KerasTuner's applications are searched as hypermodels at a tiny size.

HyperEfficientNet always loads weights from the network. The random augmentation of HyperImageAugment (`augment_layers`
above 0) fails with Keras 3 in KerasTuner as it does here: it creates variables in a `tf.function`.
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
    # of some learning rates nothing finite comes
    tuner = kt.RandomSearch(make(), "val_accuracy", max_trials=1, seed=0, hyperparameters=hp, directory=tmp_path)
    tuner.search(x, y, epochs=1, validation_data=(x, y), verbose=0)
    best = tuner.get_best_hyperparameters()[0]
    assert fixed.items() <= best.values.items()
    assert len(best.values) > len(fixed)
    assert tuner.get_best_models()[0].predict(x, verbose=0).shape == (8, 10)


class Augmented(kt.HyperModel):
    """A small network after layers that augment its images."""

    def build(self, hp: kt.HyperParameters) -> keras.Model:
        image = keras.Input(SHAPE)
        augmented = kt.applications.HyperImageAugment(input_shape=SHAPE, augment_layers=0).build(hp)(image)
        pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(hp.Int("filters", 4, 8), 3)(augmented))
        model = keras.Model(image, keras.layers.Dense(10, "softmax")(pooled))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model


def test_images_are_augmented_within_a_model(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.random((32, *SHAPE), dtype="float32"), random.integers(0, 10, 32)
    tuner = kt.RandomSearch(Augmented(), "val_accuracy", max_trials=2, directory=tmp_path)
    tuner.search(x, y, epochs=1, validation_data=(x, y), verbose=0)
    assert [trial.status for trial in tuner.oracle.trials.values()] == ["COMPLETED"] * 2
    assert {"factor_rotate", "filters"} <= tuner.get_best_hyperparameters()[0].values.keys()
