"""`sweeps confirm`: cut short and taken up again, other kinds of data, and what it refuses."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from invariant import assert_sound
from support import SharedWorker, Workspace

from sweeps.data import load
from sweeps.study import study as studies
from sweeps.study.attributes import REPETITION
from sweeps.study.identity import Identity
from sweeps.study.study import StudyRef
from sweeps.system import paths

SPACE = """
import keras
import time


class Slow(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.3)


def build(hp):
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(hp.Int("units", 2, 64, default=8), activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
"""


def classes(folder: Path, name: str = "rows.npz", rows: int = 300, **parts: Any) -> None:
    """A data set with a class that the sign of a column tells."""
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 4)).astype("float32")
    np.savez(folder / name, x=x, y=(x[:, 0] + 0.3 * random.normal(size=rows) > 0).astype("int64"), **parts)


def swept(workspace: Workspace, worker: SharedWorker | None, *options: str) -> None:
    """A sweep of that space and data in this workspace: four trials."""
    (workspace.folder / "space.py").write_text(SPACE)
    if not (workspace.folder / "rows.npz").exists():
        classes(workspace.folder)
    command = ("run", "s", "--dataset", "rows.npz", "--space", "space.py:build", "--trials", "4", "--epochs", "3")
    more = ("--pruner", "none", "--sampler", "random", *options)
    done = worker.sweeps(workspace, *command, *more) if worker else workspace.sweeps(*command, *more)
    assert done.returncode == 0, done.stdout + done.stderr


def repetitions(workspace: Workspace) -> Counter[tuple[Any, ...]]:
    """How often each repetition has come to its end, by finalist and fold or seed."""
    journal = workspace.folder / "runs/studies/s/confirm/journal.log"
    studies.forget(journal)
    complete = [trial for trial in studies.load("s", journal).get_trials() if trial.state.name == "COMPLETE"]
    keys = [trial.user_attrs[REPETITION] for trial in complete]
    return Counter((key["confirms"], key["seed"], key["fold"]) for key in keys)


@pytest.mark.slow
def test_a_confirmation_that_was_interrupted_and_then_killed_goes_on_and_trains_nothing_twice(
    workspace: Workspace,
) -> None:
    swept(workspace, None, "--callback", "space.py:Slow")
    for signum, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        process = workspace.start("confirm", "s", "--top", "3", "--jobs", "2")
        assert process.stdout is not None
        for line in process.stdout:
            if " COMPLETE " in line:
                process.send_signal(signum)
                break
        output, error = process.communicate(timeout=120)
        assert process.returncode == code, output + error
        if code == 130:
            assert "go on with\n  sweeps confirm s --top 3 --jobs 2" in error
            assert not (workspace.folder / "runs/studies/s/confirmation.json").exists()
            assert_sound(workspace, "s", total=4)
    before = repetitions(workspace)
    assert before
    done = workspace.sweeps("confirm", "s", "--top", "3", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    found = repetitions(workspace)
    assert set(found.values()) == {1}
    assert len(found) == 4 * len(document["finalists"])
    assert before <= found
    assert document["test"]["looks"] == 1
    assert all(None not in finalist["values"] for finalist in document["finalists"])
    assert_sound(workspace, "s", total=4)


@pytest.mark.slow
def test_more_seeds_and_new_finalists_train_only_what_is_missing(workspace: Workspace, worker: SharedWorker) -> None:
    swept(workspace, worker)
    first = worker.sweeps(workspace, "confirm", "s", "--top", "2", "--seeds", "2")
    assert first.returncode == 0, first.stderr
    before = repetitions(workspace)
    refused = worker.sweeps(workspace, "confirm", "s", "--top", "3", "--seeds", "2")
    assert (refused.returncode, repetitions(workspace)) == (2, before)
    assert "the test rows of study 's' were looked at once" in refused.stderr
    more = worker.sweeps(workspace, "confirm", "s", "--top", "4", "--seeds", "2", "--again")
    assert more.returncode == 0, more.stderr
    assert set(repetitions(workspace).values()) == {1}
    assert before < repetitions(workspace)
    assert workspace.json("best", "s")["confirmation"]["test"]["looks"] in (1, 2)  # 1: the winner is the same
    # a better trial than the finalists makes the confirmation one of another time
    swept(workspace, worker, "--trials", "12")
    leaders = sorted(workspace.json("list", "s"), key=lambda row: -row["value"])[:4]
    is_current = {row["number"] for row in leaders} <= {0, 1, 2, 3}
    assert workspace.json("best", "s")["confirmed"] == is_current


@pytest.mark.slow
def test_with_many_validation_rows_each_finalist_has_other_seeds_on_the_same_rows(
    workspace: Workspace, worker: SharedWorker
) -> None:
    classes(workspace.folder, rows=10_000)
    swept(workspace, worker)
    done = worker.sweeps(workspace, "confirm", "s", "--top", "2", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["method"], document["rows"]["validation"]) == ("seeds", 2000)
    assert all(len(set(finalist["values"])) > 1 for finalist in document["finalists"])
    assert document["test"]["accuracy"] == pytest.approx(document["test"]["metrics"]["accuracy"])
    assert_sound(workspace, "s", total=4)


@pytest.mark.slow
def test_a_regression_has_quantiles_of_its_errors_and_r2(workspace: Workspace, worker: SharedWorker) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(400, 3)), columns=["a", "b", "c"])
    frame["price"] = 3 * frame["a"] - frame["b"] + 0.1 * random.normal(size=400)
    frame.to_csv(workspace.folder / "prices.csv", index=False)
    options = ("--dataset", "prices.csv", "--target", "price", "--trials", "3", "--epochs", "3", "--pruner", "none")
    done = worker.sweeps(workspace, "run", "s", *options, "--confirm")
    assert done.returncode == 0, done.stderr
    assert "half of the errors below" in done.stdout
    document = json.loads((workspace.folder / "runs/studies/s/confirmation.json").read_text())
    test, best = document["test"], document["finalists"][document["winner"]]
    assert document["direction"] == "minimize"
    assert test["rmse"] == pytest.approx(test["metrics"]["rmse"], rel=1e-4)
    assert best["optimism"] == pytest.approx(best["mean"] - best["search_value"])
    assert test["absolute_error"]["0.5"] <= test["mae"] * 1.5
    assert workspace.here("export", "s").returncode == 0
    assert workspace.here("doctor", "s", "--rescore").returncode == 0


@pytest.mark.slow
def test_a_default_that_the_search_has_not_tried_is_trained_now_and_can_be_exported(
    workspace: Workspace, worker: SharedWorker
) -> None:
    space = SPACE.replace("Int", "Choice").replace("2, 64, default=8", "[2, 3, 4, 200, 201, 202], default=2")
    (workspace.folder / "space.py").write_text(space)
    classes(workspace.folder, rows=200)
    (workspace.folder / "first.json").write_text('[{"units": 200}, {"units": 201}]')
    options = ("--space", "space.py:build", "--epochs", "1", "--pruner", "none", "--enqueue", "first.json")
    done = worker.sweeps(workspace, "run", "s", "--dataset", "rows.npz", "--trials", "2", *options)
    assert done.returncode == 0, done.stderr
    done = worker.sweeps(workspace, "confirm", "s", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    *others, default = document["finalists"]
    assert [finalist["default"] for finalist in document["finalists"]] == [False, False, True]
    assert (default["trial"], default["params"], default["search_value"]) == (None, {"units": 2}, None)
    assert all(finalist["difference"] is not None for finalist in others)
    # as if it had won
    document |= {"winner": 2, "run_id": default["runs"][0]}
    journal = workspace.folder / "runs/studies/s/confirm/journal.log"
    studies.forget(journal)
    (run,) = [one for one in studies.load("s", journal).get_trials() if one.user_attrs["run_id"] == default["runs"][0]]
    document["model_uri"] = run.user_attrs["model_uri"]
    (workspace.folder / "runs/studies/s/confirmation.json").write_text(json.dumps(document))
    best = workspace.json("best", "s")
    assert (best["trial"], best["value"], best["confirmed"]) == (None, default["values"][0], True)
    exported = workspace.here("export", "s")
    assert exported.returncode == 0, exported.stderr
    assert "of the default configuration, " in exported.stdout
    rescored = workspace.here("doctor", "s", "--rescore")
    assert rescored.returncode == 0, rescored.stdout
    assert_sound(workspace, "s", total=2)


@pytest.mark.slow
def test_data_or_a_space_that_has_changed_is_refused_and_data_without_test_rows_said(
    workspace: Workspace, worker: SharedWorker
) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(300, 4)).astype("float32")
    parts = {"x_train": x[:200], "y_train": x[:200, 0] > 0, "x_valid": x[200:], "y_valid": x[200:, 0] > 0}
    np.savez(workspace.folder / "rows.npz", **{name: part.astype("float32") for name, part in parts.items()})
    swept(workspace, worker)
    kept, space = (workspace.folder / "rows.npz").read_bytes(), workspace.folder / "space.py"
    np.savez(workspace.folder / "rows.npz", **{name: part.astype("float32") * 2 for name, part in parts.items()})
    load.cache_clear()  # as in a process of its own
    changed = worker.sweeps(workspace, "confirm", "s")
    assert (changed.returncode, "another configuration: digest: " in changed.stderr) == (2, True), changed.stderr
    (workspace.folder / "rows.npz").write_bytes(kept)
    load.cache_clear()
    space.write_text(SPACE.replace('"relu"', '"tanh"'))
    changed = worker.sweeps(workspace, "confirm", "s")
    assert changed.returncode == 2
    assert "the space has changed since trial" in changed.stderr
    assert not (workspace.folder / "runs/studies/s/confirm").exists()
    space.write_text(SPACE)
    done = worker.sweeps(workspace, "confirm", "s", "--top", "1", "--seeds", "2")
    assert done.returncode == 0, done.stderr
    assert "test rows: the study keeps no test rows" in done.stdout
    assert (workspace.folder / "runs/studies/s/confirm/journal.log").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none",), "unknown study 'none'"),
        (("digits-mlp", "--top", "7"), "--top: study 'digits-mlp' has "),
        (("digits-mlp", "--top", "0"), "Invalid value for '--top'"),
        (("digits-mlp", "--seeds", "1"), "Invalid value for '--seeds'"),
        (("a b",), "a name is 1 to 64"),
    ],
)
def test_what_cannot_be_confirmed_is_refused(finished: Workspace, arguments: tuple[str, ...], said: str) -> None:
    done = finished.here("confirm", *arguments)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert not (finished.folder / "runs/studies/digits-mlp/confirm").exists()


def test_a_study_without_a_complete_trial_has_nothing_to_confirm(here: Path, fails: Callable[..., str]) -> None:
    identity = Identity("mlp", "digits", "0" * 32, "val_accuracy", "maximize", 3, 0, ())
    studies.create(StudyRef("empty", paths.journal("empty")), identity)
    assert "study 'empty' has no COMPLETE trial to choose from (no trial at all)" in fails("confirm", "empty")
    assert not paths.confirm_journal("empty").exists()
