"""Spaces of a person's own, from the sweep to the predictions of its export."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from support import SharedWorker, Workspace

from tracking import child_runs, find_store

pytestmark = pytest.mark.slow

SPACE = """
import keras

def build(hp):
    layers = [keras.layers.Dense(hp.Int("units", 8, 16), activation="relu")]
    model = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
"""


def test_two_classes_of_a_softmax_are_not_exchanged(workspace: Workspace, worker: SharedWorker) -> None:
    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    np.savez(workspace.folder / "cancer.npz", x=x, y=y)
    (workspace.folder / "space.py").write_text(SPACE)
    options = ("--dataset", "cancer.npz", "--space", "space.py:build", "--trials", "1", "--epochs", "20", "--jobs", "1")
    done = worker.sweeps(workspace, "run", "cancer", *options)
    assert done.returncode == 0, done.stderr
    assert workspace.here("export", "cancer").returncode == 0
    rows = workspace.json("predict", "cancer.npz", "--model", "exports/cancer", "--rows", "569")
    model = keras.saving.load_model(workspace.folder / "exports/cancer/model.keras")
    assert model.input_shape == (None, 30)
    expected = model.predict(x, verbose=0)
    assert [row["class"] for row in rows] == [str(index) for index in expected.argmax(axis=1)]
    assert [row["probability"] for row in rows] == pytest.approx(expected.max(axis=1), abs=1e-4)
    assert np.mean([row["class"] == str(label) for row, label in zip(rows, y, strict=True)]) > 0.9


#: KerasTuner's guide: `fit` makes images of the size that is searched for
CROPPING = """
import keras
import keras_tuner

class Cropping(keras_tuner.HyperModel):
    def build(self, hp):
        hp.Choice("image_size", [4, 6])
        layers = keras.layers
        model = keras.Sequential([layers.Rescaling(1 / 16), layers.Flatten(), layers.Dense(10)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, metrics=["accuracy"])
        return model

    def fit(self, hp, model, x, y, validation_data, **options):
        size = hp.get("image_size")
        held_out, *rest = validation_data
        data = (held_out[:, :size, :size], *rest)
        return model.fit(x[:, :size, :size], y, validation_data=data, **options)
"""


def test_a_space_whose_fit_crops_the_images_is_searched_and_exported(
    workspace: Workspace, worker: SharedWorker
) -> None:
    (workspace.folder / "space.py").write_text(CROPPING)
    options = ("--dataset", "digits", "--space", "space.py:Cropping", "--trials", "2", "--epochs", "1", "--jobs", "1")
    done = worker.sweeps(workspace, "run", "crops", *options)
    assert done.returncode == 0, done.stderr
    assert workspace.json("status", "crops")["trials"]["COMPLETE"] == 2
    size = workspace.json("best", "crops")["params"]["image_size"]
    store = find_store(f"sqlite:///{workspace.folder}/runs/mlflow.db", "crops")
    assert store is not None
    for run in child_runs(store):
        assert run.data.tags["prepared"].startswith("by the space's fit")
    assert workspace.here("export", "crops").returncode == 0
    folder = workspace.folder / "exports/crops"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["prepared"], manifest["input"][0]["shape"]) == (True, [None, size, size])
    images = load_digits().images
    np.save(workspace.folder / "crops.npy", images[:, :size, :size])
    np.save(workspace.folder / "whole.npy", images)
    rows = workspace.json("predict", "crops.npy", "--model", "exports/crops", "--rows", "99")
    logits = keras.saving.load_model(folder / "model.keras").predict(images[:99, :size, :size], verbose=0)
    assert [row["class"] for row in rows] == [str(index) for index in logits.argmax(axis=1)]
    expected = keras.ops.softmax(logits).numpy().max(axis=1)
    assert [row["probability"] for row in rows] == pytest.approx(expected, abs=1e-4)
    refused = workspace.here("predict", "whole.npy", "--model", "exports/crops")
    assert (refused.returncode, f"rows of shape ({size}, {size}) are wanted" in refused.stderr) == (2, True)
