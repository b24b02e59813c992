"""A sweep whose hyperparameters and metrics bear names that MLflow does not take, one metric being undefined at times:
from the enqueued trial to the record, the results and the export."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from invariant import assert_sound
from support import SharedWorker, Workspace

from tracking import Store, child_runs, find_store
from tracking.experiments import metrics_at
from tracking.names import safe_name

SPACE = """
import keras

def build(hp):
    units = hp.Int("units (layer 1)", 4, 16)
    rate = hp.Float("rate%", 1e-3, 1e-1, sampling="log", default=0.01)
    hp.Int("units (layer 1) (mirrored)", 1, 3)
    hp.Float("drop", 0.1, 0.9, sampling="reverse_log", default=0.5)
    model = keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(units)])
    model.add(keras.layers.Dense(10, activation="softmax"))
    top = keras.metrics.SparseTopKCategoricalAccuracy(5, name="TOP@5")
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy", top])
    return model

class Undefined(keras.callbacks.Callback):
    # a metric that is no number in the first epoch, and infinite in the second
    def on_epoch_end(self, epoch, logs=None):
        logs["val_MAP@5"] = [float("nan"), float("inf"), 0.5][min(epoch, 2)]
"""

NAME = "units (layer 1)"
RUN = (
    *("run", "names", "--space", "space.py:build", "--callback", "space.py:Undefined", "--set", f"{NAME}=6..9"),
    *("--objective", "val_TOP@5:max", "--jobs", "1", "--pruner", "none", "--epochs", "3"),
)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, worker: SharedWorker) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("names"))
    (made.folder / "space.py").write_text(SPACE)
    (made.folder / "first.json").write_text(json.dumps([{NAME: 7}, {"rate%": 0.02, "drop": 0.25}]))
    done = worker.sweeps(made, *RUN, "--trials", "3", "--enqueue", "first.json")
    assert done.returncode == 0, done.stderr
    (made.folder / "output.txt").write_text(done.stdout)
    return made


@pytest.fixture(scope="module")
def store(swept: Workspace) -> Store:
    found = find_store(f"sqlite:///{swept.folder}/runs/mlflow.db", "names")
    assert found is not None
    return found


def test_enqueued_trials_have_the_given_values_and_defaults_and_the_output_says_which(swept: Workspace) -> None:
    first, second, _ = (row["params"] for row in swept.json("list", "names"))
    mirrored = f"{NAME} (mirrored)"
    assert first == {NAME: 7, "rate%": 0.01, mirrored: 1, "drop": 0.5}
    assert second == {NAME: 6, "rate%": 0.02, mirrored: 1, "drop": pytest.approx(0.25)}
    said = [line for line in (swept.folder / "output.txt").read_text().splitlines() if "enqueued" in line]
    assert len(said) == 1
    assert said[0].startswith("warning: enqueued trials: 2 leave values open, which are the defaults: rate%=0.01")


def test_a_metric_that_is_no_number_fails_no_trial_and_is_said_once_a_sweep(swept: Workspace, store: Store) -> None:
    assert [row["state"] for row in swept.json("list", "names")] == ["COMPLETE"] * 3
    said = [line for line in (swept.folder / "output.txt").read_text().splitlines() if "MAP@5 is nan" in line]
    assert len(said) == 1
    for run in child_runs(store):
        history = store.client.get_metric_history(run.info.run_id, safe_name("val_MAP@5"))
        assert [math.isnan(entry.value) for entry in history] == [True, True, False]
        assert history[-1].value == 0.5
        assert run.data.tags["not_finite"] == "val_MAP@5=nan"
    assert_sound(swept, "names", 3)


def test_names_are_whole_in_the_study_the_results_and_the_export_and_safe_in_mlflow(
    swept: Workspace, store: Store
) -> None:
    rows = {row["run_id"]: row for row in swept.json("list", "names")}
    for run in child_runs(store):
        row = rows[run.info.run_id]
        assert run.data.params == {safe_name(name): str(value) for name, value in row["params"].items()}
        assert run.data.tags[f"name.{safe_name(NAME)}"] == NAME
        assert run.data.metrics[safe_name("best_val_TOP@5")] == row["value"]
        assert metrics_at(store, run.info.run_id, 3)["val_TOP@5"] == run.data.metrics[safe_name("val_TOP@5")]
    exported = swept.here("export", "names")
    assert exported.returncode == 0, exported.stderr
    params = json.loads((swept.folder / "exports/names/params.json").read_text())
    best = swept.json("best", "names")
    assert params == best["params"]
    assert set(params) == {NAME, "rate%", f"{NAME} (mirrored)", "drop"}
    assert best["objective"] == "val_TOP@5"
    said = swept.here("best", "names").stdout
    assert said.startswith(f"best_val_TOP@5 {best['value']:.4f}  trial {best['trial']}, epoch {best['epoch']}")


def test_enqueued_trials_beyond_the_total_are_said(swept: Workspace, worker: SharedWorker, tmp_path: Path) -> None:
    """A study that is complete runs nothing more, whatever is enqueued."""
    copy = swept.copied(tmp_path / "copy")
    (copy.folder / "more.json").write_text(json.dumps([{NAME: 8}, {NAME: 9}]))
    done = worker.sweeps(copy, *RUN, "--trials", "3", "--enqueue", "more.json")
    assert done.returncode == 0, done.stderr
    assert "warning: enqueued trials: 2 beyond the total are not run; --trials 5 runs them" in done.stdout
    assert copy.json("status", "names")["trials"]["COMPLETE"] == 3
