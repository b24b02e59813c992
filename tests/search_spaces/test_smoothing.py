"""Label smoothing changes what is trained, and nothing that is judged or saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

from search_spaces import DataSpec, Target
from search_spaces.mlp import MLP

Problem = Callable[[Target], tuple[DataSpec, Any, Any]]


def trained(
    spec: DataSpec, smoothing: float, x: Any, y: Any = None, **given: Any
) -> tuple[keras.Model, dict[str, list[float]], keras_tuner.HyperParameters]:
    """A small model, its curves, and what it has drawn."""
    keras.utils.set_random_seed(0)
    hp = keras_tuner.HyperParameters()
    hp.values.update(label_smoothing=smoothing, n_hidden=1, n_neurons=16, dropout=0.0, schedule="constant")
    space = MLP(spec)
    model = space.build(hp)
    return model, space.fit(hp, model, x, y, epochs=2, shuffle=False, verbose=0, **given).history, hp


@pytest.mark.parametrize("target", ["sparse", "one_hot"])
def test_it_trains_as_the_smoothed_loss_of_keras_does(target: Target, problem: Problem) -> None:
    spec, x, y = problem(target)
    model, history, _ = trained(spec, 0.1, x, y)
    keras.utils.set_random_seed(0)
    hp = keras_tuner.HyperParameters()
    hp.values.update(n_hidden=1, n_neurons=16, dropout=0.0)
    reference = MLP(spec).build(hp)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    reference.compile(reference.optimizer, loss, metrics=["categorical_accuracy"])
    one_hot = keras.utils.to_categorical(y, 10) if target == "sparse" else y
    expected = reference.fit(x, one_hot, epochs=2, batch_size=32, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-4)
    for weights, others in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(weights, others, atol=1e-4)


@pytest.mark.parametrize("target", ["sparse", "one_hot"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_validation_loss_is_that_of_the_classes(target: Target, weighted: bool, problem: Problem) -> None:
    spec, x, y = problem(target)
    weights = (np.linspace(0, 2, 100, dtype=np.float32),) if weighted else ()
    rows = (x[:100], y[:100], *weights)
    model, history, hp = trained(spec, 0.2, x, y, validation_data=list(rows) if weighted else rows)
    assert hp.get("label_smoothing") == 0.2
    loss, accuracy = model.evaluate(x[:100], y[:100], sample_weight=weights[0] if weights else None, verbose=0)
    assert history["val_loss"][-1] == pytest.approx(loss, rel=1e-5)
    assert history["val_accuracy"][-1] == pytest.approx(accuracy)


def test_the_model_is_saved_with_the_usual_loss_and_trains_on(problem: Problem, tmp_path: Path) -> None:
    spec, x, y = problem("sparse")
    model, _, _ = trained(spec, 0.1, x, y)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.loss == "sparse_categorical_crossentropy"
    assert int(loaded.optimizer.iterations) == 24
    before, _ = loaded.evaluate(x, y, verbose=0)
    loaded.fit(x, y, verbose=0)
    assert loaded.evaluate(x, y, verbose=0)[0] < before


@pytest.mark.parametrize("target", ["binary", "multi_label", "regression"])
def test_other_targets_are_not_smoothed(target: Target, problem: Problem) -> None:
    spec, x, y = problem(target)
    *_, hp = trained(spec, 0.2, x, y)
    assert not hp.is_active("label_smoothing")


def test_labels_that_are_no_array_are_not_smoothed(problem: Problem) -> None:
    spec, x, y = problem("sparse")
    rows = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    *_, of_dataset = trained(spec, 0.2, rows)
    *_, split = trained(spec, 0.2, x, y, validation_split=0.2)
    *_, validated = trained(spec, 0.2, x, y, validation_data=rows)
    assert [hp.is_active("label_smoothing") for hp in (of_dataset, split, validated)] == [False] * 3
