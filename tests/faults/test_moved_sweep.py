"""Sweeps in a workspace that was copied, and whose record was lost or renamed; with real models."""

from __future__ import annotations

from pathlib import Path

import pytest
from invariant import assert_sound
from support import Workspace

from sweeps.system.atomic_files import sha256
from tracking import find_store

pytestmark = pytest.mark.slow

RUN = ("run", "--epochs", "4", "--pruner", "median")


def hashes(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): sha256(file) for file in folder.rglob("*") if file.is_file()}


def test_a_sweep_in_a_copy_leaves_every_byte_of_the_original_as_it_was(finished: Workspace, tmp_path: Path) -> None:
    before = hashes(finished.folder)
    made = finished.copied(tmp_path / "a copy?%20'\"")
    done = made.sweeps(*RUN, "--trials", "7")
    assert done.returncode == 0, done.stderr
    assert_sound(made, total=7)
    done = made.sweeps("export", "digits-mlp")
    assert done.returncode == 0, done.stderr
    assert hashes(finished.folder) == before


def test_a_record_that_was_removed_is_made_again_with_its_models(finished: Workspace, tmp_path: Path) -> None:
    made = finished.copied(tmp_path / "copy")
    best = made.json("best", "digits-mlp")
    (made.folder / "runs/mlflow.db").unlink()
    done = made.sweeps("export", "digits-mlp")
    assert done.returncode == 4
    assert "sweeps doctor digits-mlp --fix" in done.stderr
    done = made.sweeps(*RUN, "--trials", "6")
    assert done.returncode == 0, done.stderr
    assert_sound(made, total=6)
    done = made.sweeps("export", "digits-mlp")
    assert done.returncode == 0, done.stderr
    store = find_store(f"sqlite:///{made.folder}/runs/mlflow.db", "digits-mlp")
    assert store is not None
    run = store.client.get_run(best["run_id"])
    assert run.data.metrics["best_val_accuracy"] == best["value"]
    assert run.data.tags["model_uri"] == best["model_uri"]


def test_a_resume_goes_on_in_an_experiment_that_was_renamed(finished: Workspace, tmp_path: Path) -> None:
    made = finished.copied(tmp_path / "copy")
    store = find_store(f"sqlite:///{made.folder}/runs/mlflow.db", "digits-mlp")
    assert store is not None
    store.client.rename_experiment(store.experiment_id, "renamed in the UI")
    done = made.sweeps(*RUN, "--trials", "7")
    assert done.returncode == 0, done.stderr
    assert_sound(made, total=7)
    done = made.sweeps("export", "digits-mlp")
    assert done.returncode == 0, done.stderr
    assert {found.name for found in store.client.search_experiments()} == {"Default", "renamed in the UI"}
