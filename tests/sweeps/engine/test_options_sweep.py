"""The options of a trial's `fit`, from the command line to the runs: real workers, a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import SharedWorker, Workspace

import sweeps
from sweeps.cli.command_line import command
from sweeps.config import load_config
from sweeps.errors import InputError
from tracking import Store, child_runs, find_store

CALLBACKS = """
from pathlib import Path

import keras

class Ratio(keras.callbacks.Callback):
    # the chapter's own: validation loss / training loss
    def on_epoch_end(self, epoch, logs=None):
        logs["ratio"] = logs["val_loss"] / logs["loss"]

def fails_in_the_first_trial():
    def fail(epoch, logs):
        if not Path("has_failed").exists():
            Path("has_failed").touch()
            raise OSError("no more disk")
    return keras.callbacks.LambdaCallback(on_epoch_end=fail)
"""

OPTIONS = (
    *("run", "rare", "--dataset", "rare.csv", "--target", "label", "--weight-column", "weight"),
    *("--class-weight", '{"rare": 3}', "--metrics", "f1_score,auc", "--objective", "val_f1_score:max"),
    *("--callback", "callbacks.py:Ratio", "--callback", "callbacks.py:fails_in_the_first_trial"),
    *("--patience", "2", "--set", "schedule=exponential", "--set", "n_hidden=0"),
    *("--trials", "2", "--epochs", "12", "--pruner", "none", "--jobs", "1"),
)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, worker: SharedWorker) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("options"))
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "weight": random.uniform(0, 2, 400).round(3)})
    frame.assign(label=np.where(x.sum(axis=1) > 1, "rare", "common")).to_csv(made.folder / "rare.csv", index=False)
    (made.folder / "callbacks.py").write_text(CALLBACKS)
    done = worker.sweeps(made, *OPTIONS)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def store(swept: Workspace) -> Store:
    found = find_store(f"sqlite:///{swept.folder}/runs/mlflow.db", "rare")
    assert found is not None
    return found


def test_a_callback_that_raises_fails_its_trial_with_its_text_and_the_sweep_goes_on(swept: Workspace) -> None:
    failed, *others = swept.json("list", "rare")
    assert failed["state"] == "FAIL"
    assert failed["error"].startswith("OSError: no more disk (")
    assert [row["state"] for row in others] == ["COMPLETE", "COMPLETE"]


def test_extra_metrics_and_what_a_callback_puts_into_the_logs_are_recorded(swept: Workspace, store: Store) -> None:
    best = swept.json("best", "rare")
    assert best["objective"] == "val_f1_score"
    for name in ("f1_score", "val_auc", "ratio", "learning_rate"):
        assert store.client.get_metric_history(best["run_id"], name), name


def test_the_rate_of_a_schedule_falls_from_epoch_to_epoch(swept: Workspace, store: Store) -> None:
    best = swept.json("best", "rare")
    rates = [entry.value for entry in store.client.get_metric_history(best["run_id"], "learning_rate")]
    wanted = [best["params"]["learning_rate"] * 0.1 ** (epoch / 12) for epoch in range(len(rates))]
    assert rates == pytest.approx(wanted, rel=1e-4)


def test_a_trial_ends_when_its_patience_does_and_keeps_its_best_epoch(swept: Workspace, store: Store) -> None:
    for run in child_runs(store):
        if run.data.tags["state"] != "COMPLETE":
            continue
        values = [entry.value for entry in store.client.get_metric_history(run.info.run_id, "val_f1_score")]
        best = int(run.data.tags["best_epoch"])
        assert values[best - 1] == max(values)
        assert len(values) in (best + 2, 12)


def test_the_model_does_not_ask_for_the_weight_column(swept: Workspace) -> None:
    done = swept.here("export", "rare")
    assert done.returncode == 0, done.stderr
    (swept.folder / "new.csv").write_text("a,b\n3,3\n-3,-3\n")
    rows = swept.json("predict", "new.csv", "--model", "exports/rare")
    assert [row["class"] for row in rows] == ["rare", "common"]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--class-weight", "balanced", "class_weight: {'rare': 3.0} then, 'balanced' now"),
        ("--patience", "3", "patience: 2 then, 3 now"),
        ("--task", "classification", "task: None then, 'classification' now"),
        ("--weight-column", "a", "weight_column: 'weight' then, 'a' now"),
        ("--target", "weight", "target: 'label' then, 'weight' now"),
    ],
)
def test_a_resume_with_another_option_is_refused(option: str, value: str, said: str, swept: Workspace) -> None:
    done = swept.here(*OPTIONS, option, value)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_same_command_again_runs_no_trial(swept: Workspace) -> None:
    before = swept.json("list", "rare")
    assert swept.here(*OPTIONS).returncode == 0
    assert swept.json("list", "rare") == before


def test_the_command_that_goes_on_holds_every_option(here: Path) -> None:
    options = {"class_weight": {"a b": 2.0}, "metrics": ("f1_score", "auc"), "callback": ("c.py:f",), "patience": 3}
    said = command(load_config({"study": "s", **options}))
    assert """--class-weight '{"a b": 2.0}' --metrics f1_score --metrics auc --callback c.py:f --patience 3""" in said


def test_a_file_of_options_holds_them_too(here: Path) -> None:
    Path("sweep.toml").write_text(
        'metrics = ["f1_score", "auc"]\ncallback = "c.py:f"\n[class-weight]\n3 = 2\n', encoding="utf-8"
    )
    config = load_config({}, Path("sweep.toml"))
    assert (config.metrics, config.callback, config.class_weight) == (("f1_score", "auc"), ("c.py:f",), {"3": 2.0})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"class_weight": '{"3": -2}'},
            "--class-weight: a weight is a finite number of at least 0, class '3' has '-2'",
        ),
        ({"class_weight": "heavy"}, "--class-weight: balanced, "),
        ({"patience": 0}, "--patience: Input should be greater than or equal to 1, got 0"),
        ({"patience": True}, "--patience: a number is wanted, got True"),
    ],
)
def test_an_option_that_cannot_be_is_refused_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        load_config(options)
    assert said in str(error.value)


@pytest.mark.parametrize(("name", "value"), [("weight_column", "w"), ("target", "y")])
def test_arrays_have_no_columns(name: str, value: str, here: Path) -> None:
    with pytest.raises(InputError, match=f"{name}: only data by name or a DataFrame has it, got '{value}'"):
        sweeps.run("mlp", data=(np.zeros((30, 2)), np.arange(30) % 2), **{name: value})
    assert not list(here.iterdir())


def test_an_unknown_task_is_refused(here: Path, fails: Callable[..., str]) -> None:
    said = fails("run", "--task", "regresion")
    assert "unknown task 'regresion'. Did you mean 'regression'?" in said
    assert not list(here.iterdir())


@pytest.mark.slow
def test_a_trial_has_the_epochs_that_it_draws_and_as_many_more_as_it_is_continued_for(
    tmp_path: Path, worker: SharedWorker
) -> None:
    made = Workspace(tmp_path)
    drawn = (
        "--set",
        "epochs=2..4",
        "--epochs",
        "5",
        "--set",
        "bias_initializer=ones",
        "--jobs",
        "1",
        "--start",
        "default",
    )
    done = worker.sweeps(
        made, "run", "drawn", "--trials", "4", "--pruner", "none", "--seed", "1", "--set", "n_hidden=1", *drawn
    )
    assert done.returncode == 0, done.stderr
    done = worker.sweeps(made, "continue", "drawn", "--trial", "0", "--epochs", "+2")
    assert done.returncode == 0, done.stderr
    store = find_store(f"sqlite:///{tmp_path}/runs/mlflow.db", "drawn")
    assert store is not None
    rows = made.json("list", "drawn")
    epochs = [len(store.client.get_metric_history(row["run_id"], "val_accuracy")) for row in rows]
    asked = [row["params"]["epochs"] for row in rows]
    assert epochs == asked
    assert asked[4] == asked[0] + 2
    assert set(asked[:4]) <= {2, 3, 4}
    assert len(set(asked[:4])) > 1
    assert {row["params"]["bias_initializer"] for row in rows} == {"ones"}


@pytest.mark.slow
@pytest.mark.usefixtures("one_worker")
def test_a_notebook_takes_them_and_whole_numbers_can_be_a_regression(here: Path) -> None:
    result = sweeps.run(
        *("mlp", "digits"), study="s", task="regression", trials=1, epochs=1, jobs=1, metrics="r2_score", show=False
    )
    assert result.best.objective == "val_rmse"
    weighted = sweeps.run(
        *("mlp", "digits"), study="t", class_weight={3: 2.0}, trials=1, epochs=1, jobs=1, patience=1, show=False
    )
    assert weighted.status.trials["COMPLETE"] == 1
