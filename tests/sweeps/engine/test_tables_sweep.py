"""A table with text and missing values, from the command line to predictions: real workers, a real store."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from support import SharedWorker, Workspace

from tracking import child_runs, find_store

# Keras reads its variables in a way that NumPy 2 deprecates.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]

CITIES = ("Bergen", "Lima", "Ōsaka")


def table(rows: int = 300) -> pd.DataFrame:
    """A price that follows from a size, of which some are missing, and a city, of which some are too."""
    random = np.random.default_rng(0)
    size, city = random.uniform(20, 200, rows), random.integers(0, 3, rows)
    price = 1000 * size + 50_000.0 * city + random.normal(0, 1000, rows)
    frame = pd.DataFrame({"size": size.round(1), "city": np.array(CITIES)[city], "age": random.integers(0, 90, rows)})
    frame.loc[::25, "size"] = None
    frame.loc[7::50, "city"] = None
    return frame.assign(price=price.round(2))


def sweep(worker: SharedWorker, workspace: Workspace, space: str) -> Path:
    """Two trials of two epochs, and the export of the better one."""
    table().to_csv(workspace.folder / "houses.csv", index=False)
    done = worker.sweeps(
        workspace,
        *("run", "houses", "--dataset", "houses.csv", "--target", "price", "--space", space),
        *("--trials", "2", "--epochs", "2", "--jobs", "1", "--pruner", "none"),
    )
    assert done.returncode == 0, done.stderr
    done = workspace.here("export", "houses")
    assert done.returncode == 0, done.stderr
    return workspace.folder / "exports" / "houses"


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, worker: SharedWorker) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("tables"))
    sweep(worker, workspace, "wide_and_deep")
    return workspace


@pytest.fixture
def export(swept: Workspace) -> Path:
    return swept.folder / "exports" / "houses"


def raw(frame: pd.DataFrame) -> dict[str, tf.Tensor]:
    numbers = {name: tf.constant(frame[[name]].to_numpy("float32")) for name in ("size", "age")}
    return {**numbers, "city": tf.constant(frame[["city"]].fillna("").to_numpy(str))}


def test_both_trials_end_with_the_error_in_the_targets_units(swept: Workspace) -> None:
    best = swept.json("best", "houses")
    assert best["objective"] == "val_rmse"
    assert 1000 < best["value"] < table()["price"].std() * 1.5
    assert swept.json("status", "houses")["trials"]["COMPLETE"] == 2


def test_the_logged_model_has_a_signature_with_the_text_column(swept: Workspace) -> None:
    store = find_store(f"sqlite:///{swept.folder}/runs/mlflow.db", "houses")
    assert store is not None
    [run, _] = child_runs(store)
    logged = store.client.get_logged_model(run.data.tags["model_uri"].removeprefix("models:/"))
    folder = Path(logged.artifact_location.removeprefix("file://"))
    said = (folder / "MLmodel").read_text()
    assert re.search(r'"name":\s+"city",[^}]*"dtype":\s+"str"', said)
    example = json.loads((folder / "input_example.json").read_text())
    assert set(example) == {"size", "city", "age"}


def test_the_manifest_names_the_columns_and_their_types(export: Path) -> None:
    manifest = json.loads((export / "manifest.json").read_text())
    assert {entry["name"]: entry["dtype"] for entry in manifest["input"]} == {
        "size": "float32",
        "city": "string",
        "age": "float32",
    }
    assert manifest["named_inputs"] is True
    assert [entry["name"] for entry in manifest["output"]] == ["output"]


def test_csv_and_parquet_are_predicted_as_the_model_does_it(swept: Workspace, export: Path, tmp_path: Path) -> None:
    frame = table().iloc[:10].drop(columns="price")
    frame.loc[3, "city"] = "a city never seen"
    frame[["city", "age", "size"]].to_csv(tmp_path / "rows.csv", index=False)
    frame.to_parquet(tmp_path / "rows.parquet")
    model = keras.saving.load_model(export / "model.keras")
    expected = model.predict(raw(frame), verbose=0)[:, 0]
    assert np.isfinite(expected).all()
    for file in ("rows.csv", "rows.parquet"):
        rows = swept.json("predict", str(tmp_path / file), "--model", str(export), "--rows", "10")
        assert [row["value"] for row in rows] == pytest.approx(expected, rel=1e-5)


def test_predict_refuses_what_is_no_table_of_its_columns(swept: Workspace, export: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("size,age\n1,2\n")
    np.save(tmp_path / "rows.npy", np.zeros((2, 3)))
    for file, message in (("rows.csv", "'city' is not there"), ("rows.npy", "a .csv, .parquet or .npz file is wanted")):
        done = swept.here("predict", str(tmp_path / file), "--model", str(export))
        assert done.returncode == 2
        assert message in done.stderr


def test_the_saved_model_takes_text_and_missing_values(export: Path) -> None:
    frame = table().iloc[:30]
    served = tf.saved_model.load(str(export / "saved_model"))
    model = keras.saving.load_model(export / "model.keras")
    np.testing.assert_allclose(served.serve(raw(frame)).numpy(), model.predict(raw(frame), verbose=0), rtol=1e-5)


def test_what_the_readme_tells_to_type_works(export: Path, tmp_path: Path) -> None:
    table().drop(columns="price").to_csv(tmp_path / "rows.csv", index=False)
    for name in ("model.keras", "saved_model"):
        (tmp_path / name).symlink_to(export / name)
    blocks = re.findall(r"```python\n(.*?)```", (export / "README.md").read_text(), re.DOTALL)
    script = "\n".join([*blocks, "print(answer.shape)"])
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "(300, 1)"


def test_the_main_output_of_two_is_searched_by_and_predicted(workspace: Workspace, worker: SharedWorker) -> None:
    export = sweep(worker, workspace, "wide_and_deep_auxiliary")
    assert workspace.json("best", "houses")["objective"] == "val_output_rmse"
    frame = table().iloc[:5]
    rows = workspace.json("predict", "houses.csv", "--model", str(export), "--rows", "5")
    answer = keras.saving.load_model(export / "model.keras").predict(raw(frame), verbose=0)
    assert [row["value"] for row in rows] == pytest.approx(answer["output"][:, 0], rel=1e-5)
    assert 'under "output"' in (export / "README.md").read_text()


def test_a_model_of_a_class_of_the_registered_spaces_is_exported_and_predicts(
    workspace: Workspace, worker: SharedWorker
) -> None:
    export = sweep(worker, workspace, "wide_and_deep_subclassed")
    rows = workspace.json("predict", "houses.csv", "--model", str(export), "--rows", "5")
    served = tf.saved_model.load(str(export / "saved_model"))
    answer = served.serve(raw(table().iloc[:5])).numpy()
    assert [row["value"] for row in rows] == pytest.approx(answer[:, 0], rel=1e-5)
    assert "import search_spaces.registry" in (export / "README.md").read_text()


OWN = """
import keras

@keras.saving.register_keras_serializable("mine")
class Halved(keras.layers.Layer):
    def call(self, inputs):
        return inputs / 2

def build(hp):
    hidden = keras.layers.Dense(hp.Int("units", 2, 4))
    model = keras.Sequential([keras.Input((2,)), Halved(), hidden, keras.layers.Dense(1)])
    model.compile("adam", loss="mse", metrics=[keras.metrics.RootMeanSquaredError(name="rmse")])
    return model
"""


def test_a_layer_of_a_persons_own_is_found_in_the_space_of_the_study_alone(workspace: Workspace) -> None:
    (workspace.folder / "mine.py").write_text(OWN)
    frame = table().dropna()[["size", "age", "price"]]
    frame.to_csv(workspace.folder / "houses.csv", index=False)
    run = ("run", "own", "--dataset", "houses.csv", "--target", "price", "--space", "mine.py:build")
    done = workspace.sweeps(*run, "--trials", "1", "--epochs", "1")
    assert done.returncode == 0, done.stderr
    assert workspace.sweeps("export", "own").returncode == 0
    predict = ("predict", "houses.csv", "--model", "exports/own", "--rows", "3")
    assert len(json.loads(workspace.sweeps(*predict, "--json").stdout)) == 3
    assert "first import Halved" in (workspace.folder / "exports/own/README.md").read_text()
    (workspace.folder / "mine.py").unlink()
    done = workspace.sweeps(*predict)
    assert done.returncode == 2
    assert "a class of its own (Halved), defined by the space of 'own'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(
    "SWEEPS_HOUSING_CSV" not in os.environ, reason="SWEEPS_HOUSING_CSV names the California housing CSV"
)
def test_california_housing_is_learnt(workspace: Workspace, worker: SharedWorker) -> None:
    file = str(Path(os.environ["SWEEPS_HOUSING_CSV"]).absolute())
    options = ("--target", "median_house_value", "--trials", "3", "--epochs", "3", "--jobs", "1")
    done = worker.sweeps(workspace, "run", "houses", "--dataset", file, *options)
    assert done.returncode == 0, done.stderr
    assert workspace.json("best", "houses")["value"] < 65_000
