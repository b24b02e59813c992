"""Sweeps over models of a person's own classes, from a script and from a file: their models are used afterwards."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import own_models
import pandas as pd
import pytest
import tensorflow as tf
from support import SharedWorker, Workspace

SCRIPT = """
import json
import keras, keras_tuner, numpy as np
import sweeps

@keras.saving.register_keras_serializable("mine")
class Scale(keras.layers.Layer):
    def call(self, x):
        return 3 * x

class Space(keras_tuner.HyperModel):
    def build(self, hp):
        model = keras.Sequential([keras.Input((4,)), Scale(), keras.layers.Dense(hp.Choice("units", [8])), Scale()])
        model.compile(keras.optimizers.SGD(1e-4), "mse")
        return model

    def fit(self, hp, model, *data, **options):
        return model.fit(*data, batch_size=80, **options)  # of one batch no shuffle changes anything

if __name__ == "__main__":
    keras.config.set_floatx("float64")
    x = np.random.default_rng(0).normal(size=(100, 4)).astype("float32")
    y = np.tile(x.sum(axis=1, keepdims=True), 8)
    train, validation = (x[:80], y[:80]), (x[80:], y[80:])
    result = sweeps.run(Space(), data=train, validation_data=validation, study="s", trials=1, epochs=3, pruner="none",
                        jobs=1, objective="val_loss", show=False)
    from sweeps.export.logged_models import fetch, store_of
    from sweeps.study.study import trial_seed
    from pathlib import Path
    loaded = keras.saving.load_model(fetch(store_of("s"), result.best.model_uri, Path(".")))
    keras.utils.set_random_seed(trial_seed(0, 0))
    plain = Space().build(keras_tuner.HyperParameters())
    losses = plain.fit(*train, batch_size=80, epochs=3, validation_data=validation, verbose=0).history["val_loss"]
    print(json.dumps({
        "names": [keras.saving.get_registered_name(type(layer)) for layer in loaded.layers],
        "is_class": isinstance(loaded.layers[0], Scale),
        "dtype": str(loaded.layers[1].kernel.dtype),
        "loss": result.best.value,
        "plain": min(losses),
        "same": bool(np.allclose(loaded.predict(x, verbose=0), result.model().predict(x, verbose=0))),
    }))
"""


@pytest.mark.slow
def test_a_script_has_its_registrations_and_its_settings_of_keras_in_the_workers(workspace: Workspace) -> None:
    (workspace.folder / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=workspace.folder,
        env=workspace.environment,
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["names"] == ["mine>Scale", "Dense", "mine>Scale"]
    assert found["is_class"]
    assert found["same"]
    assert found["dtype"] == "float64"
    assert found["loss"] == pytest.approx(found["plain"], rel=1e-12)
    with sqlite3.connect(workspace.folder / "runs/mlflow.db") as record:
        assert record.execute("SELECT value FROM tags WHERE key = 'keras.floatx'").fetchall() == [("float64",)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_a_study_of_lambdas_begins_only_where_it_is_asked_for_and_then_predicts(workspace: Workspace) -> None:
    x = np.random.default_rng(0).normal(size=(100, 4)).astype("float32")
    np.savez(workspace.folder / "rows.npz", x=x, y=np.abs(x).sum(axis=1))
    (workspace.folder / "space.py").write_bytes(Path(own_models.__file__).read_bytes())
    options = ("--space=space.py:lambda_layer", "--dataset=rows.npz", "--objective=val_loss", "--task=regression")
    run = ("run", "s", *options, "--trials=1", "--epochs=2", "--jobs=1")
    refused = workspace.sweeps(*run)
    assert refused.returncode == 2
    assert "holds a lambda" in refused.stderr
    assert len(refused.stderr.splitlines()) == 2
    assert not (workspace.folder / "runs/studies").exists()

    done = workspace.sweeps(*run, "--allow-lambda")
    assert done.returncode == 0, done.stderr
    exported = workspace.sweeps("export", "s")
    assert exported.returncode == 0, exported.stderr
    folder = workspace.folder / "exports/s"
    assert json.loads((folder / "manifest.json").read_text())["allow_lambda"]
    predicted = workspace.json("predict", "rows.npz", "--model", "exports/s", "--rows", "5")

    model = own_models.network(keras.layers.Lambda(keras.ops.abs))
    model.load_weights(folder / "model.keras")
    factor = json.loads((folder / "params.json").read_text())["factor"]
    (kernel, bias) = model.layers[-1].get_weights()
    right = np.abs(x[:5]) * factor @ kernel + bias
    np.testing.assert_allclose([row["value"] for row in predicted], right[:, 0], rtol=1e-4, atol=1e-5)

    again = workspace.sweeps(*run)
    assert again.returncode == 2
    assert "allow_lambda: True then, None now" in again.stderr


WIDE_AND_DEEP = """
import keras
from keras import layers

def build(hp):
    inputs = {
        "city": keras.Input((1,), name="city", dtype="string"),
        "size": keras.Input((1,), name="size"),
        "age": keras.Input((1,), name="age"),
    }
    city = layers.StringLookup(vocabulary=["Lima", "Bergen"], output_mode="one_hot")(inputs["city"])
    size = layers.Normalization(mean=100.0, variance=400.0)(inputs["size"])
    deep = layers.Dense(hp.Int("units", 4, 8), "relu")(layers.Concatenate()([city, size]))
    model = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()([deep, inputs["age"]])))
    model.compile("adam", "mse", metrics=[keras.metrics.RootMeanSquaredError(name="rmse")])
    return model
"""


@pytest.mark.slow
def test_a_model_that_preprocesses_some_inputs_and_takes_others_raw_is_swept_exported_and_predicts(
    workspace: Workspace, worker: SharedWorker
) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"city": random.choice(["Lima", "Bergen"], 200), "size": random.normal(100, 20, 200)})
    frame["age"] = random.uniform(0, 9, 200)
    frame["price"] = frame["size"] + 50 * (frame["city"] == "Lima") - frame["age"]
    frame.to_csv(workspace.folder / "houses.csv", index=False)
    (workspace.folder / "space.py").write_text(WIDE_AND_DEEP)
    options = ("--target", "price", "--space", "space.py:build", "--trials", "1", "--epochs", "2", "--jobs", "1")
    done = worker.sweeps(workspace, "run", "s", "--dataset", "houses.csv", *options)
    assert done.returncode == 0, done.stderr
    exported = workspace.here("export", "s")
    assert exported.returncode == 0, exported.stderr
    rows = workspace.json("predict", "houses.csv", "--model", "exports/s", "--rows", "5")
    inputs = {name: tf.constant(frame[[name]].head(5).to_numpy("float32")) for name in ("size", "age")}
    inputs["city"] = tf.constant(frame[["city"]].head(5).to_numpy(str))
    model = keras.saving.load_model(workspace.folder / "exports/s/model.keras")
    np.testing.assert_allclose([row["value"] for row in rows], model.predict(inputs, verbose=0)[:, 0], rtol=1e-5)
    served = tf.saved_model.load(str(workspace.folder / "exports/s/saved_model"))
    np.testing.assert_allclose(served.serve(inputs).numpy(), model.predict(inputs, verbose=0), rtol=1e-5)
