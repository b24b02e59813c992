"""TensorBoard over a study: real event files, read back by TensorBoard itself."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import keras
import numpy as np
import optuna
import pytest
from support import Workspace
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from sweeps.report.tensorboard_events import StudyEvents
from sweeps.study import study as studies
from sweeps.study.attributes import PARAMS, RUN_ID
from sweeps.study.identity import Identity
from sweeps.study.study import StudyRef
from tracking import Store, TrialRun, find_store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path}/mlflow.db", "houses", tmp_path.as_uri())


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    ref = StudyRef("houses", tmp_path / "houses" / "journal.log")
    return studies.create(ref, Identity("mlp", "houses", "abc", "val_accuracy", "maximize", 4, 0, ()))


@pytest.fixture
def board(study: optuna.Study, store: Store, tmp_path: Path) -> StudyEvents:
    return StudyEvents(study, store, tmp_path / "board")


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """By tag the steps and values of one run's event files."""
    events = EventAccumulator(str(folder)).Reload()
    tags = [tag for tag in events.Tags()["tensors"] if not tag.startswith("_hparams_")]
    return {
        tag: [(event.step, float(make_ndarray(event.tensor_proto))) for event in events.Tensors(tag)] for tag in tags
    }


def start(study: optuna.Study, store: Store) -> tuple[optuna.Trial, TrialRun]:
    trial = study.ask()
    run = TrialRun(store, store.client.create_run(store.experiment_id).info.run_id, trial.number, {})
    trial.set_user_attr(RUN_ID, run.run_id)
    return trial, run


def epoch(run: TrialRun, number: int, accuracy: float, val_accuracy: float) -> None:
    run.log_metrics({"accuracy": accuracy, "val_accuracy": val_accuracy}, step=number)
    run.flush()


def test_a_running_trial_is_followed_and_its_hyperparameters_come_with_its_end(
    study: optuna.Study, store: Store, board: StudyEvents, tmp_path: Path
) -> None:
    trial, run = start(study, store)
    epoch(run, 1, 0.25, 0.5)
    assert board.refresh() == 1
    epoch(run, 2, 0.5, 0.75)
    epoch(run, 3, 0.75, 0.625)
    board.refresh()
    board.refresh()
    folder = tmp_path / "board" / "trial-0000"
    assert curves(folder / "train") == {"epoch_accuracy": [(1, 0.25), (2, 0.5), (3, 0.75)]}
    assert curves(folder / "validation") == {"epoch_accuracy": [(1, 0.5), (2, 0.75), (3, 0.625)]}
    assert curves(folder) == {}
    trial.set_user_attr(PARAMS, {"units": 3, "optimizer": "adam", "bias": True})
    epoch(run, 4, 0.875, 0.6875)
    study.tell(trial, 0.75)
    board.refresh()
    assert curves(folder) == {}  # the record has not got the end of it yet
    run.close()
    board.refresh()
    assert curves(folder / "validation")["epoch_accuracy"][-1] == (4, 0.6875)
    assert curves(folder) == {"best_val_accuracy": [(1, 0.5), (2, 0.75), (3, 0.75), (4, 0.75)]}


def test_a_trial_that_was_half_written_when_its_writer_died_is_written_anew(
    study: optuna.Study, store: Store, board: StudyEvents, tmp_path: Path
) -> None:
    trial, run = start(study, store)
    epoch(run, 1, 0.25, 0.5)
    board.refresh()
    epoch(run, 2, 0.5, 0.75)
    later = StudyEvents(study, store, tmp_path / "board")
    later.refresh()
    assert curves(tmp_path / "board/trial-0000/train") == {"epoch_accuracy": [(1, 0.25), (2, 0.5)]}
    run.close()
    study.tell(trial, 0.75)
    later.refresh()
    written = {file: file.stat().st_mtime_ns for file in (tmp_path / "board").rglob("*") if file.is_file()}
    assert StudyEvents(study, store, tmp_path / "board").refresh() == 1
    assert {file: file.stat().st_mtime_ns for file in written} == written


def test_a_trial_whose_run_was_deleted_for_good_is_left_out(
    study: optuna.Study, store: Store, board: StudyEvents, tmp_path: Path
) -> None:
    gone, there = study.ask(), start(study, store)[1]
    gone.set_user_attr(RUN_ID, "0" * 32)
    epoch(there, 1, 0.25, 0.5)
    assert board.refresh() == 1
    assert [path.name for path in (tmp_path / "board").iterdir()] == ["trial-0001"]


def test_curves_have_the_names_and_values_that_keras_own_callback_writes(
    study: optuna.Study, store: Store, board: StudyEvents, tmp_path: Path
) -> None:
    trial, run = start(study, store)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    x, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
    model.fit(
        x,
        y,
        epochs=3,
        validation_data=(x, y),
        verbose=0,
        callbacks=[
            keras.callbacks.TensorBoard(tmp_path / "keras", write_graph=False),
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: run.log_metrics(logs, epoch + 1)),
        ],
    )
    run.close()
    study.tell(trial, 0.5)
    board.refresh()
    for part in ("train", "validation"):
        ours = curves(tmp_path / "board" / "trial-0000" / part)
        theirs = curves(tmp_path / "keras" / part)
        assert set(ours) == {"epoch_accuracy", "epoch_loss"} <= set(theirs)
        for tag, values in ours.items():
            assert values == [(step + 1, value) for step, value in theirs[tag]]


@pytest.fixture(scope="module")
def served(finished: Workspace) -> Any:
    """The address of a `sweeps tensorboard` over the finished sweep, once it has loaded it; ended by Ctrl-C."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = finished.start("tensorboard", "digits-mlp", "--port", str(port))
    assert process.stdout is not None
    assert f"http://127.0.0.1:{port}/" in process.stdout.readline(), process.communicate()
    address = f"http://127.0.0.1:{port}"
    while len(session_groups(address)) < 6:
        time.sleep(0.5)
    yield address
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert "Traceback" not in said


def session_groups(address: str) -> list[Any]:
    """The rows of the HParams tab."""
    asked = {"allowedStatuses": ["STATUS_SUCCESS"], "colParams": [], "startIndex": 0, "sliceSize": 99}
    request = urllib.request.Request(
        f"{address}/data/plugin/hparams/session_groups",
        json.dumps(asked).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=200) as answer:
        return list(json.load(answer).get("sessionGroups", []))


def test_the_hparams_tab_has_every_trial_with_its_active_hyperparameters_and_its_objective(
    finished: Workspace, served: str
) -> None:
    rows = finished.json("list", "digits-mlp")
    groups = {group["name"]: group for group in session_groups(served)}
    assert {name: group["hparams"] for name, group in groups.items()} == {
        f"trial-{row['number']:04d}": row["params"] for row in rows
    }
    for row in rows:
        metrics = groups[f"trial-{row['number']:04d}"]["metricValues"]
        values = {(one["name"]["group"], one["name"]["tag"]): one["value"] for one in metrics}
        if row["state"] == "COMPLETE":
            assert values["", "best_val_accuracy"] == pytest.approx(row["value"])
        assert {("train", "epoch_loss"), ("validation", "epoch_accuracy")} <= values.keys()


def test_the_curves_are_those_of_the_record(finished: Workspace, served: str) -> None:
    found = find_store(f"sqlite:///{finished.folder}/runs/mlflow.db", "digits-mlp")
    assert found is not None
    for row in finished.json("list", "digits-mlp"):
        folder = finished.folder / f"runs/studies/digits-mlp/tensorboard/trial-{row['number']:04d}/validation"
        history = found.client.get_metric_history(row["run_id"], "val_loss")
        assert curves(folder)["epoch_loss"] == [(entry.step, pytest.approx(entry.value)) for entry in history]


@pytest.mark.slow
def test_a_port_that_is_taken_is_said_in_a_line(finished: Workspace, served: str) -> None:
    port = served.rpartition(":")[2]
    done = finished.sweeps("tensorboard", "digits-mlp", "--port", port)
    assert done.returncode == 4
    assert f"already in use; another port: --port {int(port) + 1}" in done.stderr
    assert "Traceback" not in done.stderr


def test_event_files_are_written_without_tensorflow(finished: Workspace) -> None:
    script = (
        "import sys; from sweeps.cli.main import cli;"
        "cli(['tensorboard', 'digits-mlp', '--write-only'], standalone_mode=False);"
        "print(sorted({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=finished.folder,
        env=finished.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0].startswith(f"{finished.folder}/runs/studies/digits-mlp/tensorboard: 6 trials")
    assert done.stdout.splitlines()[-1] == "[]"
