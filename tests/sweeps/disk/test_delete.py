"""`sweeps delete`, and what holds for `clean` as well."""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from disk_of_houses import models_on_disk

from sweeps.disk import clean as cleaning
from sweeps.disk import delete as deleting
from sweeps.doctor import examine
from sweeps.errors import InputError
from sweeps.study import results
from sweeps.study import study as studies
from sweeps.system import paths
from sweeps.system.locks import present
from tracking.connections import disconnect


def test_delete_leaves_the_export_and_no_trace_in_mlflow(sick: Path) -> None:
    (sick / "exports/houses/model.keras").write_bytes(b"exported")
    assert deleting.delete("houses") == 6
    assert (sick / "exports/houses/model.keras").read_bytes() == b"exported"
    assert not (sick / "runs/studies/houses").exists()
    assert not (sick / "runs/artifacts/houses").exists()
    with sqlite3.connect(sick / "runs/mlflow.db") as database:
        for table in ("runs", "metrics", "params", "logged_models"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    with pytest.raises(InputError, match="unknown study 'houses'"):
        results.open_study("houses")


@pytest.mark.parametrize("place", ["sweeps.disk.delete.remove_runs", "shutil.rmtree", "pathlib.Path.unlink"])
def test_a_killed_delete_is_finished_by_another_one(sick: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    (sick / "runs/studies/houses/confirm").mkdir()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(place, die)
        with pytest.raises(KeyboardInterrupt):
            deleting.delete("houses")
    studies.forget(paths.journal("houses"))
    assert results.status(results.open_study("houses")).trials["COMPLETE"] == 3
    deleting.delete("houses")
    assert not (sick / "runs/studies/houses").exists()


def test_after_a_delete_cut_short_the_doctor_makes_a_sound_study(sick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sweeps.disk.delete._remove_folder", die)
        with pytest.raises(KeyboardInterrupt):
            deleting.delete("houses")
    assert any("has no experiment in MLflow" in finding.what for finding in examine("houses", fix=True).findings)
    assert examine("houses").findings == ()


@pytest.mark.parametrize("command", ["clean", "delete"])
def test_a_running_study_is_left_alone(sick: Path, fails: Callable[..., str], command: str) -> None:
    before = {path for path in sick.rglob("*") if path.name != "alive"}
    with present(sick / "runs/studies/houses"):
        assert "is running; wait until it has ended" in fails(command, "houses", "--yes")
    assert {path for path in sick.rglob("*") if path.name != "alive"} == before


@pytest.mark.parametrize("command", ["clean", "delete"])
def test_nothing_is_removed_unless_a_person_agrees(
    sick: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert "--yes removes it" in fails(command, "houses")
    assert (models_on_disk(sick), results.status(results.open_study("houses")).trials["COMPLETE"]) == (3, 3)


@pytest.mark.slow
def test_kill_9_at_any_moment_of_a_clean_or_delete_leaves_what_another_one_or_the_doctor_finishes(sick: Path) -> None:
    copy, generator = sick.with_name("copy-for-kills"), random.Random(0)
    shutil.copytree(sick, copy)
    for attempt in range(10):
        for part in ("runs", "exports"):
            shutil.rmtree(sick / part)
        disconnect()
        shutil.copytree(copy, sick, dirs_exist_ok=True)
        studies.forget()
        remove = (cleaning.clean, deleting.delete)[attempt % 2]
        if not (child := os.fork()):
            try:
                remove("houses")
            finally:
                os._exit(0)
        time.sleep(generator.random())
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        studies.forget()
        if remove is cleaning.clean:
            assert examine("houses", fix=True).consistent
            cleaning.clean("houses")
            assert models_on_disk(sick) == 1
        elif studies.begun(paths.journal("houses")):
            assert examine("houses", fix=True).consistent
            assert examine("houses").findings == ()
            deleting.delete("houses")
        (sick / "exports").mkdir(exist_ok=True)
    assert not (sick / "runs/studies/houses/journal.log").exists()
