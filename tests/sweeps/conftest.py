"""A finished study that tests of `doctor` and `disk` damage, clean and delete."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from houses import a_study

from sweeps.study import study as studies
from sweeps.system import paths


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with a finished study, and a copy of it."""
    folder, copy = tmp_path_factory.mktemp("houses"), tmp_path_factory.mktemp("copies") / "copy"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("SWEEPS_HOME", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        a_study(folder)
    shutil.copytree(folder, copy)
    return folder, copy


@pytest.fixture
def sick(snapshot: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as it was; its database in place, since MLflow keeps that open."""
    folder, copy = snapshot
    monkeypatch.chdir(folder)
    for name in ("SWEEPS_HOME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    for part in ("runs/studies", "runs/artifacts", "exports"):
        shutil.rmtree(folder / part)
        shutil.copytree(copy / part, folder / part)
    with sqlite3.connect(copy / "runs/mlflow.db") as was, sqlite3.connect(folder / "runs/mlflow.db") as now:
        was.backup(now)
    studies.forget(paths.journal("houses"))
    return folder
