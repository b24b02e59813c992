"""How dense layers are trained on a machine is said, and a sweep runs on every one."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys

import pytest
from support import Workspace

from sweeps.dense_kernels import supported

GRAPH = "by a TensorFlow graph: Numba compiles for NUMBA_CPU_NAME=generic, without FMA and AVX2"


def test_env_says_how_dense_layers_are_trained(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert workspace.sweeps("env").stdout.startswith("dense layers are trained by ")
    monkeypatch.setenv("SWEEPS_DENSE_KERNELS", "0")
    reason = "SWEEPS_DENSE_KERNELS=0"
    assert workspace.sweeps("env", "--compile").stdout == f"dense layers are trained by a TensorFlow graph: {reason}\n"
    assert json.loads(workspace.sweeps("env", "--json").stdout) == {
        "dense_layers": f"by a TensorFlow graph: {reason}",
        "kernels": {"lanes": None, "reason": reason, "compiled": False},
    }


@pytest.mark.skipif(supported() is not None, reason=f"the kernels are not for this machine: {supported()}")
def test_the_first_compilation_is_announced(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(workspace.folder / "cache"))
    assert "The kernels are not compiled yet" in workspace.sweeps("env").stdout
    imports = "from rich.console import Console; from sweeps.cli.progress import Progress; "
    sweep = imports + "Progress(Console(), 1, 1, {}).__enter__()"
    done = subprocess.run(
        [sys.executable, "-c", sweep], env=workspace.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "compiling training kernels (once for this machine, about 20 s)\n"


@pytest.mark.slow
def test_a_processor_without_vector_instructions_trains_by_a_graph(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    done = workspace.sweeps("run", "study", "--trials", "1", "--epochs", "2", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert "1/1  trial 0 COMPLETE" in done.stdout
    assert f"dense layers are trained {GRAPH}" in workspace.sweeps("doctor", "study").stdout
    with contextlib.closing(sqlite3.connect(workspace.folder / "runs/mlflow.db")) as database:
        assert database.execute("SELECT value FROM tags WHERE key = 'dense_layers'").fetchall() == [(GRAPH,)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"},
        {"NUMBA_CACHE_DIR": os.devnull},
    ],
)
def test_whatever_numba_is_told_a_sweep_runs(
    settings: dict[str, str], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    done = workspace.sweeps("run", "study", "--trials", "1", "--epochs", "1", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert "1/1  trial 0 COMPLETE" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
