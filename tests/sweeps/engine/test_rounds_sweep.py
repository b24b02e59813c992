"""Sweeps whose trials train on several folds or from several seeds: real workers, a real store."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from support import SharedWorker, Workspace

import sweeps
from sweeps.errors import InputError
from tracking import Store, child_runs, find_store
from tracking.experiments import epoch_curves

EPOCHS = 3
OPTIONS = ("run", "both", "--folds", "2", "--repeats", "2", "--epochs", str(EPOCHS), "--trials", "2", "--jobs", "1")
ROUNDS = ("repeat_0/fold_0", "repeat_0/fold_1", "repeat_1/fold_0", "repeat_1/fold_1")


@pytest.fixture(scope="module")
def output() -> list[str]:
    return []


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, worker: SharedWorker, output: list[str]) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("rounds"))
    done = worker.sweeps(made, *OPTIONS, "--pruner", "none", "--set", "n_hidden=1", "--set", "n_neurons=32..64")
    assert done.returncode == 0, done.stderr
    output += done.stdout.splitlines()
    return made


def store_of(made: Workspace, study: str) -> Store:
    found = find_store(f"sqlite:///{made.folder}/runs/mlflow.db", study)
    assert found is not None
    return found


def test_a_trials_value_is_the_mean_over_its_rounds_at_the_epoch_where_that_is_best(swept: Workspace) -> None:
    store = store_of(swept, "both")
    for row in swept.json("list", "both"):
        curves = {name: [at.value for at in curve] for name, curve in epoch_curves(store, row["run_id"]).items()}
        rounds = np.array([curves[f"{name}/val_accuracy"] for name in ROUNDS])
        assert len(np.unique(rounds[:, 0])) == len(ROUNDS)
        means = rounds.mean(axis=0)
        assert curves["val_accuracy"] == pytest.approx(means)
        assert row["value"] == pytest.approx(means.max())
        at_best = dict(zip(ROUNDS, rounds[:, means.argmax()].tolist(), strict=True))
        assert row["rounds"]["values"] == at_best
        assert row["rounds"]["std"] == pytest.approx(statistics.stdev(at_best.values()))
        run = store.client.get_run(row["run_id"]).data
        assert run.metrics["std_val_accuracy"] == pytest.approx(row["rounds"]["std"])
        assert "std_val_accuracy" not in curves


def test_the_output_says_what_trials_are_compared_on_and_best_what_the_value_is(
    swept: Workspace, output: list[str]
) -> None:
    assert "2 trials of 2 repeats of 2 folds of 3 epochs" in output[0]
    rows = "2 repeats of 2 folds of 1438 training and validation rows"
    assert f"validation: {rows}; a trial's value is the mean, at 4 times the cost" in output
    assert "(mean of 2 repeats of 2 folds, standard deviation 0.0" in swept.here("best", "both").stdout


def test_all_epochs_of_all_rounds_count(swept: Workspace) -> None:
    assert swept.json("status", "both")["epochs_spent"] == 2 * len(ROUNDS) * EPOCHS


def test_the_model_is_the_last_rounds_and_scores_on_its_own_rows_what_was_logged(swept: Workspace) -> None:
    assert swept.here("export", "both").returncode == 0
    manifest = json.loads((swept.folder / "exports/both/manifest.json").read_text())
    assert manifest["rounds"] == swept.json("best", "both")["rounds"]
    assert "of `repeat_1/fold_1`, with 0." in (swept.folder / "exports/both/README.md").read_text()
    examined = swept.here("doctor", "both", "--rescore")
    assert examined.returncode == 0, examined.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*OPTIONS[:3], "3", *OPTIONS[4:]), "folds: 2 then, 3 now"),
        (("run", "both", *OPTIONS[4:]), "folds: 2 then, None now"),
        ((*OPTIONS[:4], *OPTIONS[6:]), "repeats: 2 then, None now"),
        (("continue", "both", "--trial", "0", "--epochs", "+2"), "those of 'both' have 2 repeats of 2 folds"),
    ],
)
def test_a_study_keeps_its_rounds_and_its_trials_are_not_continued(
    swept: Workspace, arguments: tuple[str, ...], said: str
) -> None:
    done = swept.here(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_what_cannot_be_divided_into_folds_is_refused_and_nothing_is_written(
    workspace: Workspace, worker: SharedWorker
) -> None:
    frame = pd.DataFrame({"a": np.arange(60.0), "y": ["x"] * 40 + ["y"] * 15 + ["z"] * 5})
    frame.to_csv(workspace.folder / "rare.csv", index=False)
    done = worker.sweeps(workspace, "run", "rare", "--dataset", "rare.csv", "--target", "y", "--folds", "5")
    assert done.returncode == 2
    assert "folds: class 'z' of the target has 4 training and validation rows" in done.stderr
    assert workspace.files == ["rare.csv"]


def two_inputs(hp: Any) -> keras.Model:
    a, b = keras.Input((3,), name="a"), keras.Input((1,), name="b")
    hidden = keras.layers.Dense(hp.Int("units", 4, 8), activation="relu")(keras.layers.Concatenate()([a, b]))
    model = keras.Model([a, b], keras.layers.Dense(3, activation="softmax")(hidden))
    model.compile("adam", hp.Fixed("loss", "categorical_crossentropy"), metrics=["accuracy"])
    return model


def rows(n: int = 90) -> tuple[dict[str, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    return {"a": random.normal(size=(n, 3)), "b": random.normal(size=(n, 1))}, np.arange(n) % 3


SMALL = {"trials": 1, "epochs": 2, "jobs": 1, "show": False, "baselines": False}


@pytest.mark.slow
@pytest.mark.usefixtures("one_worker")
def test_folds_of_arrays_given_in_python(here: Path) -> None:
    x, y = rows()
    weights = np.linspace(0.5, 1.5, 90)
    given = {"strings": np.array(["x", "y", "z"])[y], "columns": np.eye(3)[y]}
    for name, target in given.items():
        options = SMALL | {"study": name, "folds": 3, "class_weight": "balanced"}
        result = sweeps.run(two_inputs, (x, target, weights), **options)
        assert result.best.rounds is not None
        assert [*result.best.rounds["values"]] == ["fold_0", "fold_1", "fold_2"]
        assert result.status.epochs_spent == 6
        assert result.test_data is not None


@pytest.mark.usefixtures("one_worker")
def test_a_class_that_only_the_models_loss_makes_one_is_refused_with_too_few_rows(here: Path) -> None:
    x, y = rows()
    y[y == 2] = 1
    y[:3] = 2
    with pytest.raises(InputError, match="folds: class '2' of the target has 2 training and validation rows"):
        sweeps.run(two_inputs, (x, y), **SMALL, study="rare", folds=3)


@pytest.mark.slow
@pytest.mark.usefixtures("one_worker")
def test_folds_of_a_frame_with_text_dates_and_a_quantity(here: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "text": random.choice(["a", "b", "c"], 80),
            "number": np.where(random.random(80) < 0.1, np.nan, random.normal(size=80)),
            "day": pd.date_range("2020-01-01", periods=80),
            "weight": random.uniform(0.5, 1, 80),
            "y": random.normal(size=80),
        }
    )
    options = SMALL | {"study": "frame", "folds": 5, "weight_column": "weight", "set": ["n_hidden=1"]}
    result = sweeps.run("mlp", frame, target="y", **options)
    assert result.best.rounds is not None
    assert result.best.value == pytest.approx(statistics.mean(result.best.rounds["values"].values()))
    assert result.best.objective == "val_rmse"


@pytest.mark.slow
@pytest.mark.usefixtures("one_worker")
def test_pruned_trials_leave_the_epochs_of_their_later_rounds_to_others(here: Path) -> None:
    options: dict[str, Any] = {"trials": 6, "epochs": 4, "folds": 3, "epoch_budget": 60, "sampler": "random"}
    pruner = {"pruner": "median", "pruner_options": {"startup": 1, "warmup": 1}}
    narrowed = ["n_hidden=1", "n_neurons=32", "optimizer=sgd", "schedule=constant", "batch_size=32"]
    result = sweeps.run("mlp", "digits", **SMALL | options | pruner, study="pruned", set=narrowed)
    pruned = [row for row in result.trials if row.state == "PRUNED"]
    assert pruned
    begun = [row for row in result.trials if row.state != "WAITING"]
    assert result.status.epochs_spent + result.status.epochs_saved == 12 * len(begun)
    assert result.status.epochs_spent <= 60
    store = find_store(f"sqlite:///{here}/runs/mlflow.db", "pruned")
    assert store is not None
    assert all("val_accuracy" in run.data.metrics for run in child_runs(store))
