"""Machines, environments and scripts as people have them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import dask
import pytest
from support import Workspace

from sweeps.config import SweepConfig
from sweeps.engine import sweep
from sweeps.errors import InputError
from sweeps.space.reference import PackedSpace

#: as a reader of the README writes it: without `if __name__ == "__main__":`
SCRIPT = """
import keras, sweeps
from sklearn.datasets import load_digits
x, y = load_digits(return_X_y=True)

def build(hp):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(hp.Int("units", 4, 16), "relu")])
    model.add(keras.layers.Dense(10, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

result = sweeps.run(build, data=(x, y), study="script", trials=2, epochs=1, jobs=1)
print("COUNTED", result.status.trials["COMPLETE"])
"""


def python(
    workspace: Workspace, *arguments: str, stdin: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=workspace.folder,
        env=workspace.environment | variables,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=540,
    )


@pytest.mark.slow
@pytest.mark.parametrize("way", ["file", "stdin"])
def test_a_script_without_a_guard_sweeps_once(way: str, workspace: Workspace) -> None:
    (workspace.folder / "script.py").write_text(SCRIPT)
    done = python(workspace, "script.py") if way == "file" else python(workspace, "-", stdin=SCRIPT)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[-1] == "COUNTED 2"


def test_a_space_that_holds_a_lock_is_refused_in_a_line() -> None:
    lock = threading.Lock()
    with pytest.raises(InputError, match=r"space: must be picklable, .* cannot pickle '_thread.lock' object"):
        PackedSpace.of(lambda hp: lock)


@pytest.mark.parametrize(("trials", "jobs"), [(6, 1), (8, 2), (100, 16)])
def test_no_more_workers_are_started_than_trials_are_missing(
    trials: int, jobs: int, finished: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished.folder)  # has six trials
    monkeypatch.delenv("SWEEPS_HOME", raising=False)
    assert sweep.jobs_of(SweepConfig(study="digits-mlp", trials=trials, jobs=16)) == jobs


def test_a_new_study_has_no_more_workers_than_trials(here: Path) -> None:
    assert sweep.jobs_of(SweepConfig(study="new", trials=2, jobs=16)) == 2


@pytest.mark.skipif(
    shutil.which("taskset") is None or len(os.sched_getaffinity(0)) < 2, reason="needs two cores, taskset"
)
def test_a_process_that_may_use_one_core_runs_one_job(workspace: Workspace) -> None:
    shown = "from sweeps.config import SweepConfig; print(SweepConfig(study='one').jobs)"
    core = str(min(os.sched_getaffinity(0)))
    done = subprocess.run(
        ["taskset", "-c", core, sys.executable, "-c", shown],
        env=workspace.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"


@pytest.mark.parametrize("command", ["run", "export"])
def test_another_backend_than_tensorflow_is_refused(command: str, finished: Workspace) -> None:
    arguments = ["run", "backend"] if command == "run" else ["export", "digits-mlp", "--force"]
    done = python(finished, "-m", "sweeps", *arguments, KERAS_BACKEND="torch")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "sweeps: Keras's backend must be TensorFlow, KERAS_BACKEND is 'torch'",
        "Set KERAS_BACKEND=tensorflow, or unset it",
    ]


def test_a_tuner_refuses_another_backend_too(workspace: Workspace) -> None:
    done = python(workspace, "-c", "import sweeps.tuner as kt; kt.RandomSearch", KERAS_BACKEND="jax")
    assert "InputError: Keras's backend must be TensorFlow, KERAS_BACKEND is 'jax'" in done.stderr


@pytest.mark.slow
def test_a_backend_of_keras_json_is_set_aside(workspace: Workspace) -> None:
    (workspace.folder / "keras.json").write_text('{"backend": "torch"}')
    shown = "from sweeps.system.import_keras import import_keras; print(import_keras().config.backend())"
    done = python(workspace, "-c", shown, KERAS_HOME=str(workspace.folder))
    assert done.stdout == "tensorflow\n", done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("os._exit(3)", "its worker process left with exit code 3"),
        ("os.kill(os.getpid(), 11)", "its worker process was killed by signal 11 (Segmentation fault)"),
    ],
)
@pytest.mark.parametrize("command", [["run", "dead", "--trials", "1"], ["lr-range"]], ids=["sweep", "lr-range"])
def test_a_space_that_ends_its_process_is_told_how_it_ended(
    line: str, said: str, command: list[str], workspace: Workspace
) -> None:
    (workspace.folder / "dead.py").write_text(f"import os\n\ndef build(hp):\n    {line}\n")
    done = workspace.sweeps(*command, "--space", "dead.py:build")
    assert done.returncode == 3, done.stderr
    first, second = done.stderr.splitlines()
    assert said in first
    assert second.startswith("Nothing was stored. The space's code")
    assert "memory" not in done.stderr


def test_a_pipe_in_place_of_parameters_is_refused(here: Path, fails: Callable[..., str]) -> None:
    os.mkfifo(here / "pipe")
    assert "--params: 'pipe': a regular file is needed" in fails("lr-range", "--params", "pipe")


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("temporary-directory", "/proc/none", "No such file or directory: '/proc/none'"),
        ("distributed.comm.timeouts.tcp", "soon", "soon"),
    ],
)
def test_settings_of_dask_that_cannot_work_are_said(
    setting: str, value: str, said: str, here: Path, fails: Callable[..., str]
) -> None:
    with dask.config.set({setting: value}):
        first, second = fails("run", "--trials", "1", code=4).splitlines()
    assert first.startswith("sweeps: the workers could not be started: ")
    assert said in first
    assert second.startswith("Look at Dask's settings")


@pytest.mark.slow
def test_an_address_space_too_small_for_tensorflow_is_said_in_place_of_a_hang(workspace: Workspace) -> None:
    limited = 'ulimit -v 700000; exec "$0" -m sweeps run limited --trials 1 --jobs 1'
    done = subprocess.run(
        ["bash", "-c", limited, sys.executable],
        cwd=workspace.folder,
        env=workspace.environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 4
    assert done.stderr.splitlines() == [
        "sweeps: TensorFlow needs more than 1.5 GB of address space, the limit is 0.7 GB",
        "Raise it (ulimit -v), or remove it: ulimit -v unlimited",
    ]
