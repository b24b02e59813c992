"""The main job, from the command line to the exported model: real workers, a real store, real data."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import SharedWorker, Workspace, first_run

import sweeps
from tracking import Store, child_runs, find_store, seconds_of


@pytest.fixture(scope="module")
def store(finished: Workspace) -> Store:
    found = find_store(f"sqlite:///{finished.folder}/runs/mlflow.db", "digits-mlp")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def exported(finished: Workspace) -> Path:
    done = finished.here("export", "digits-mlp")
    assert done.returncode == 0, done.stderr
    assert "alias champion" in done.stdout
    return finished.folder / "exports" / "digits-mlp"


def test_a_sweep_ends_with_the_best_and_what_to_type_next(finished: Workspace) -> None:
    said = (finished.folder / "output.txt").read_text()
    assert "6/6" in said
    assert "Next: sweeps best digits-mlp | sweeps report digits-mlp | sweeps export digits-mlp | sweeps ui" in said
    assert "best_val_accuracy  epoch  seconds" in said


def test_status_list_and_best_print_one_json_document(finished: Workspace) -> None:
    status = finished.json("status", "digits-mlp")
    names = {"study", "objective", "total", "trials", "best", "baselines", "epochs_spent", "epochs_saved"}
    assert set(status) == names | {"infeasible", "interrupted"}
    assert status["epochs_spent"] + status["epochs_saved"] == 6 * 4
    assert set(status["trials"]) == {"COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"}
    assert status["total"] == 6
    assert status["trials"]["COMPLETE"] + status["trials"]["PRUNED"] == 6
    rows = finished.json("list", "digits-mlp")
    assert [row["number"] for row in rows] == list(range(6))
    names = {"number", "state", "value", "params", "run_id", "seconds", "error", "rounds"}
    assert set(rows[0]) == names | {"figures", "infeasible", "interrupted", "retry"}
    best = finished.json("best", "digits-mlp")
    fields = {"study", "objective", "value", "trial", "run_id", "params", "epoch", "model_uri", "baselines", "rounds"}
    assert set(best) == fields | {"confirmed", "confirmation", "n_params", "within", "pareto"}
    assert best["rounds"] is best["within"] is best["pareto"] is None
    assert best["objective"] == "val_accuracy"
    assert best["value"] == status["best"] == max(row["value"] for row in rows if row["state"] == "COMPLETE")
    assert isinstance(best["params"]["n_hidden"], int)


def test_the_smallest_model_that_is_good_enough_is_shown_instead(finished: Workspace, store: Store) -> None:
    tags = {run.info.run_id: run.data.tags for run in child_runs(store)}
    sizes = {run_id: int(each["n_params"]) for run_id, each in tags.items() if "n_params" in each}
    rows = [row for row in finished.json("list", "digits-mlp") if row["state"] == "COMPLETE"]
    smallest = min(rows, key=lambda row: (sizes[row["run_id"]], -row["value"], row["number"]))
    found = finished.json("best", "digits-mlp", "--within", "99%")
    assert (found["trial"], found["value"], found["n_params"]) == (
        *(smallest["number"], smallest["value"]),
        sizes[smallest["run_id"]],
    )
    best = finished.json("best", "digits-mlp")
    assert found["within"]["best"] == {name: best[name] for name in ("trial", "value", "n_params")}
    said = finished.here("best", "digits-mlp", "--within", "99%").stdout
    assert f"trial {smallest['number']}, epoch {found['epoch']} of study digits-mlp, {found['n_params']:,} par" in said
    assert "sweeps export" in finished.here("best", "digits-mlp", "--within", "0%").stdout
    done = finished.here("best", "digits-mlp", "--within", "little")
    assert (done.returncode, done.stdout) == (2, "")


def test_baselines_stand_beside_the_best_and_in_the_sweeps_run(finished: Workspace, store: Store) -> None:
    rows = finished.json("best", "digits-mlp")["baselines"]
    assert rows == finished.json("status", "digits-mlp")["baselines"]
    assert [row["name"] for row in rows] == ["majority_class", "logistic_regression", "gradient_boosting"]
    assert rows[0]["value"] < 0.2 < 0.9 < rows[1]["value"] < 1
    told = f"baselines (val_accuracy): majority class {rows[0]['value']:.4f}, "
    assert told in finished.here("status", "digits-mlp").stdout
    assert told in finished.here("best", "digits-mlp").stdout
    assert told in (finished.folder / "output.txt").read_text()
    parent = store.client.get_run(child_runs(store)[0].data.tags["mlflow.parentRunId"])
    assert parent.data.metrics["baseline_logistic_regression"] == rows[1]["value"]


def test_the_start_the_status_and_the_sweeps_run_say_what_the_task_is(finished: Workspace, store: Store) -> None:
    task = "10 classes (target: 10 different whole numbers)"
    for said in ((finished.folder / "output.txt").read_text(), finished.here("status", "digits-mlp").stdout):
        assert f"task: {task}" in said.splitlines()
    parent = store.client.get_run(child_runs(store)[0].data.tags["mlflow.parentRunId"])
    assert parent.data.tags["task"] == task
    assert parent.data.tags["values_asked"].isdecimal()


def test_the_best_is_what_mlflow_puts_first(finished: Workspace, store: Store) -> None:
    best = finished.json("best", "digits-mlp")
    found = first_run(store, "best_val_accuracy", maximize=True)
    # of equal ones MLflow puts the latest first, a study the earliest
    equal = [run for run in child_runs(store) if run.data.metrics.get("best_val_accuracy") == best["value"]]
    equal.sort(key=lambda run: int(run.data.tags["trial"]))
    assert found.info.run_id in [run.info.run_id for run in equal]
    assert best["run_id"] == equal[0].info.run_id
    assert found.data.metrics["best_val_accuracy"] == best["value"]


def test_each_trial_is_a_child_run_with_its_curves_parameters_and_state(finished: Workspace, store: Store) -> None:
    rows = {row["run_id"]: row for row in finished.json("list", "digits-mlp")}
    runs = child_runs(store)
    assert {run.info.run_id for run in runs} == set(rows)
    for run in runs:
        row = rows[run.info.run_id]
        assert run.info.run_name.startswith(
            f"#{row['number']} {row['params']['n_hidden']}×{row['params']['n_neurons']} "
        )
        assert run.info.status == {"COMPLETE": "FINISHED", "PRUNED": "KILLED"}[row["state"]]
        assert run.data.tags["state"] == row["state"]
        assert run.data.params == {name: str(value) for name, value in row["params"].items()}
        steps = [entry.step for entry in store.client.get_metric_history(run.info.run_id, "val_accuracy")]
        assert steps == list(range(1, len(steps) + 1))
        assert len(steps) == 4 or row["state"] == "PRUNED"
        for metric in ("loss", "accuracy", "val_loss"):
            assert len(store.client.get_metric_history(run.info.run_id, metric)) == len(steps)


def test_a_complete_trial_has_a_model_a_summary_a_picture_and_its_seconds(finished: Workspace, store: Store) -> None:
    best = finished.json("best", "digits-mlp")
    run = store.client.get_run(best["run_id"])
    files = {file.path for file in store.client.list_artifacts(best["run_id"])}
    assert {"learning_curves.svg", "model_summary.txt"} <= files
    curves = {"accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"}
    assert set(run.data.metrics) == {*curves, "best_val_accuracy"}
    assert {"build", "train", "validate", "log"} <= set(seconds_of(run))
    assert float(run.data.tags["train_seconds"]) == seconds_of(run)["train"]
    assert int(run.data.tags["best_epoch"]) == best["epoch"]
    model = store.client.get_logged_model(best["model_uri"].removeprefix("models:/"))
    assert (model.source_run_id, model.name) == (best["run_id"], f"trial-{best['trial']:04d}")
    (score,) = model.metrics
    assert (score.key, score.value, score.dataset_name) == ("best_val_accuracy", best["value"], "digits")


def test_the_sweep_is_the_parent_of_its_trials_and_knows_the_data(finished: Workspace, store: Store) -> None:
    parent_id = child_runs(store)[0].data.tags["mlflow.parentRunId"]
    parent = store.client.get_run(parent_id)
    assert parent.info.run_name == "sweep"
    assert parent.info.status == "FINISHED"
    assert parent.data.params["space"] == "mlp"
    assert "keras 3" in parent.data.tags["versions"]
    assert parent.data.tags["winner.run_id"] == finished.json("best", "digits-mlp")["run_id"]
    (data,) = parent.inputs.dataset_inputs
    assert data.dataset.name == "digits"


def test_the_same_command_again_runs_no_trial(finished: Workspace) -> None:
    before = finished.json("list", "digits-mlp")
    done = finished.here("run", "--trials", "6", "--epochs", "4", "--pruner", "median")
    assert done.returncode == 0, done.stderr
    assert finished.json("list", "digits-mlp") == before


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--seed", "1", "seed: 0 then, 1 now"),
        ("--space", "mlp_per_layer", "space: 'mlp' then, 'mlp_per_layer' now"),
        ("--objective", "val_loss", "objective: 'val_accuracy' then, 'val_loss' now"),
        ("--objective", "val_accuracy:min", "direction: 'maximize' then, 'minimize' now"),
        ("--epochs", "9", "epochs: 4 then, 9 now"),
        ("--set", "n_hidden=1", "set: [] then, ['n_hidden=1'] now"),
    ],
)
def test_a_resume_with_another_configuration_is_refused_before_any_worker_starts(
    finished: Workspace, option: str, value: str, said: str
) -> None:
    before = finished.files
    arguments = ["run", "digits-mlp", "--trials", "6", "--epochs", "4"]
    done = finished.here(*arguments, option, value)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert finished.files == before


def test_a_resume_with_other_data_is_refused_by_their_content(finished: Workspace, tmp_path: Path) -> None:
    import numpy as np

    generator = np.random.default_rng(0)
    np.savez(tmp_path / "digits.npz", x=generator.random((60, 8)), y=np.arange(60) % 3)
    for trials in ("6", "7"):  # complete, and not
        done = finished.here(
            "run", "digits-mlp", "--trials", trials, "--epochs", "4", "--dataset", str(tmp_path / "digits.npz")
        )
        assert done.returncode == 2
        assert "digest: " in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--callback", "none.py:make", "callback 'none.py': no such file"),
        ("--callback", "no_module:make", "callback"),
        ("--class-weight", "nonsense", "nonsense"),
        ("--enqueue", "none.json", "none.json"),
        ("--objective", "nonsense", "'nonsense' now"),
        ("--patience", "0", "--patience"),
        ("--pruner", "medina", "Did you mean 'median'"),
        ("--sampler", "tpee", "Did you mean 'tpe'"),
        ("--set", "n_hiden=3", "'n_hiden'"),
        ("--space", "mlpp", "'mlpp' now"),
        ("--task", "nonsense", "nonsense"),
    ],
)
def test_the_options_of_a_complete_study_are_looked_at_all_the_same(
    finished: Workspace,
    fails: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv("SWEEPS_HOME", str(finished.folder / "runs"))
    assert said in fails("run", "digits-mlp", "--trials", "6", "--epochs", "4", option, value)


def test_a_metric_that_is_not_there_is_refused_for_a_complete_study(finished: Workspace, worker: SharedWorker) -> None:
    before = finished.files
    done = worker.sweeps(finished, "run", "digits-mlp", "--trials", "6", "--epochs", "4", "--metrics", "nonsense")
    assert done.returncode == 2
    assert "unknown metric for a target of kind one_hot: 'nonsense'" in done.stderr
    assert finished.files == before


def test_a_model_is_built_again_from_what_its_run_logged_alone(
    finished: Workspace, store: Store, tmp_path: Path
) -> None:
    import keras
    from keras_tuner.engine import hyperparameters as kinds

    from sweeps.data import DataSource, load
    from sweeps.space.domains import Value, canonical
    from sweeps.space.hyperparameters import CheckedHyperParameters
    from sweeps.space.resolve import build, resolve
    from tracking.models import fetch_keras_file

    class Logged(CheckedHyperParameters):
        def _answer(self, hp: kinds.HyperParameter) -> Value:
            return canonical(hp, logged_params[hp.name])

    space = resolve("mlp", load(DataSource("digits")).spec)
    complete = [run for run in child_runs(store) if run.data.tags["state"] == "COMPLETE"]
    assert complete
    for run in complete:
        keras.utils.clear_session()  # which numbers the names of layers anew, as between a worker's trials
        logged_params = run.data.params
        rebuilt = build(space, Logged())
        folder = tmp_path / run.info.run_id
        folder.mkdir()
        logged = keras.saving.load_model(fetch_keras_file(store, run.data.tags["model_uri"], folder))
        for ours, theirs in zip(rebuilt.layers, logged.layers, strict=True):
            assert ours.get_config() == theirs.get_config()
        assert rebuilt.count_params() == logged.count_params() == int(run.data.tags["n_params"])


SCORE = """
import json, sys
import keras, numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
model = keras.saving.load_model(sys.argv[1])
arrays = np.load(sys.argv[2])
loss, accuracy = model.evaluate(arrays["x"], arrays["y"], verbose=0)
print(json.dumps({"accuracy": accuracy, "dtype": str(arrays["x"].dtype)}))
"""


def test_the_exported_model_scores_its_logged_accuracy_on_raw_pixels_in_a_clean_process(
    finished: Workspace, exported: Path, tmp_path: Path
) -> None:
    import numpy as np

    from sweeps.data import DataSource, load

    validation = load(DataSource("digits")).validation
    np.savez(tmp_path / "validation.npz", x=validation.x, y=validation.y)
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", SCORE, exported / "model.keras", tmp_path / "validation.npz"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    )
    scored = json.loads(done.stdout)
    assert scored["dtype"] == "uint8"
    assert scored["accuracy"] == pytest.approx(finished.json("best", "digits-mlp")["value"], abs=2e-4)


def test_an_export_holds_what_its_manifest_says(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    for name, expected in manifest["sha256"].items():
        assert hashlib.sha256((exported / name).read_bytes()).hexdigest() == expected
    there = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    assert there == set(manifest["sha256"]) | {"manifest.json"}
    assert {"model.keras", "labels.json", "params.json", "README.md", "saved_model/saved_model.pb"} <= there
    assert json.loads((exported / "labels.json").read_text()) == list("0123456789")


def test_an_export_is_not_overwritten_without_force(finished: Workspace, exported: Path) -> None:
    done = finished.here("export", "digits-mlp")
    assert done.returncode == 2
    assert "--force replaces it" in done.stderr
    assert finished.here("export", "digits-mlp", "--force").returncode == 0
    assert not [name for name in exported.parent.iterdir() if name.name.startswith(".")]


def test_the_saved_model_says_the_same_as_the_keras_model(exported: Path) -> None:
    import keras
    import numpy as np
    import tensorflow as tf

    x = np.random.default_rng(0).integers(0, 17, (5, 8, 8)).astype("uint8")
    served = tf.saved_model.load(str(exported / "saved_model"))
    model = keras.saving.load_model(exported / "model.keras")
    np.testing.assert_allclose(served.serve(x).numpy(), model.predict(x, verbose=0), atol=1e-6)


def test_predict_names_classes_and_refuses_an_altered_model(
    finished: Workspace, exported: Path, tmp_path: Path
) -> None:
    import shutil

    import numpy as np
    from sklearn.datasets import load_digits

    np.save(tmp_path / "x.npy", load_digits().images[:20].astype("uint8"))
    rows = finished.json("predict", str(tmp_path / "x.npy"), "--model", str(exported), "--rows", "20")
    truth = load_digits().target[:20]
    assert sum(row["class"] == str(label) for row, label in zip(rows, truth, strict=True)) >= 16
    assert all(0 <= row["probability"] <= 1 for row in rows)
    copy = tmp_path / "altered"
    shutil.copytree(exported, copy)
    data = bytearray((copy / "model.keras").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "model.keras").write_bytes(data)
    done = finished.here("predict", str(tmp_path / "x.npy"), "--model", str(copy))
    assert done.returncode == 5
    assert "SHA-256" in done.stderr


SPACE = """
import keras

def build(hp):
    units = hp.Int("units", 4, 16)
    if hp.Choice("mood", ["good", "bad"]) == "bad":
        raise RuntimeError("a bad mood")
    inputs = keras.Input((8, 8))
    hidden = keras.layers.Dense(units)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
"""


def test_a_failed_trial_is_recorded_with_its_error_and_the_sweep_goes_on(
    workspace: Workspace, worker: SharedWorker
) -> None:
    (workspace.folder / "space.py").write_text(SPACE)
    moods = ("good", "bad", "good", "bad", "good")
    first = [{"mood": mood, "units": units} for units, mood in enumerate(moods, 4)]
    (workspace.folder / "first.json").write_text(json.dumps(first))
    arguments = ["run", "moods", "--space", "space.py:build", "--epochs", "1", "--pruner", "none", "--jobs", "1"]
    done = worker.sweeps(workspace, *arguments, "--trials", "3", "--enqueue", "first.json")
    assert done.returncode == 0, done.stderr
    rows = workspace.json("list", "moods")
    assert [row["state"] for row in rows] == ["COMPLETE", "FAIL", "COMPLETE", "FAIL", "COMPLETE"]
    assert "a bad mood" in rows[1]["error"]
    assert [row["params"]["units"] for row in rows] == [4, 5, 6, 7, 8]
    found = find_store(f"sqlite:///{workspace.folder}/runs/mlflow.db", "moods")
    assert found is not None
    run = found.client.get_run(rows[1]["run_id"])
    assert run.info.status == "FAILED"
    assert "a bad mood" in run.data.tags["error"]
    assert "error.txt" in [file.path for file in found.client.list_artifacts(rows[1]["run_id"])]

    bad = [{"mood": "bad", "units": units} for units in (9, 10, 11, 12)]
    (workspace.folder / "bad.json").write_text(json.dumps(bad))
    done = worker.sweeps(workspace, *arguments, "--trials", "9", "--enqueue", "bad.json")
    assert done.returncode == 3, done.stderr
    assert "3 trials failed in a row" in done.stderr
    assert "a bad mood" in done.stderr
    assert workspace.json("status", "moods")["trials"]["RUNNING"] == 0


def test_a_time_budget_ends_a_sweep_and_the_printed_command_goes_on(workspace: Workspace, worker: SharedWorker) -> None:
    run = ("run", "--trials", "5000", "--epochs", "30", "--jobs", "1", "--set", "n_hidden=1")
    for budget in (4, 16, 64, 256):  # a busy machine may need one for its start alone
        begun = time.monotonic()
        done = worker.sweeps(workspace, *run, "--time-budget", f"{budget}s")
        assert done.returncode == 0, done.stderr
        assert time.monotonic() - begun >= budget
        trials = workspace.json("status", "digits-mlp")["trials"]
        assert trials["RUNNING"] == 0
        if done_trials := trials["COMPLETE"] + trials["PRUNED"]:
            break
    assert 0 < done_trials < 5000
    missing = f"{5000 - done_trials} of 5000 trials are missing; go on with"
    assert f"the time budget of {budget} s is over: {missing}" in done.stdout
    assert done.stdout.endswith("\n  sweeps run digits-mlp --trials 5000 --epochs 30 --jobs 1 --set n_hidden=1\n")


@pytest.mark.usefixtures("one_worker")
def test_a_time_budget_that_is_too_short_for_a_trial_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = sweeps.run(data="digits", trials=2, epochs=100_000, pruner="none", jobs=1, time_budget="1s")
    assert result.status.trials["COMPLETE"] == 0
    said = "the time budget of 1 s is over: 2 of 2 trials are missing; the same call without time_budget goes on"
    assert said in capsys.readouterr().out


def _workers_that_have_trained(store: Store) -> list[int]:
    # a run's metrics and its tags are written apart
    told = [run.data for run in child_runs(store) if run.data.metrics and "worker" in run.data.tags]
    return [int(data.tags["worker"].rpartition(":")[2]) for data in told]


@pytest.mark.slow
def test_a_killed_worker_costs_no_trial(workspace: Workspace) -> None:
    process = workspace.start("run", "--trials", "3", "--epochs", "200", "--pruner", "none", "--set", "n_hidden=1")
    found = None
    deadline = time.monotonic() + 120
    while found is None and time.monotonic() < deadline:
        time.sleep(0.2)
        # made after the store; two processes that make a store at once are in each other's way
        if (workspace.folder / "runs/studies/digits-mlp/journal.log").is_file():
            found = find_store(f"sqlite:///{workspace.folder}/runs/mlflow.db", "digits-mlp")
    assert found is not None
    while not (workers := _workers_that_have_trained(found)) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(workers[0], signal.SIGKILL)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    trials = workspace.json("status", "digits-mlp")["trials"]
    assert trials == {"COMPLETE": 3, "PRUNED": 0, "FAIL": 1, "RUNNING": 0, "WAITING": 0}
    rows = workspace.json("list", "digits-mlp")
    (dead,) = [row for row in rows if row["state"] == "FAIL"]
    assert "killed by signal 9" in dead["error"]
    assert found.client.get_run(dead["run_id"]).info.status == "FAILED"
