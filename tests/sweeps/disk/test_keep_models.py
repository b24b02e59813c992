"""`--keep-models`: which trials keep their model."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from disk_of_houses import models_on_disk, ranked, the_store
from invariant import assert_sound
from support import SharedWorker, Workspace

from sweeps.doctor import examine
from sweeps.engine.session import StudySession
from sweeps.errors import CorruptStore
from sweeps.study import kept_models, results
from sweeps.study import study as studies
from sweeps.study.budget import Budget
from sweeps.study.claims import Claims
from sweeps.trial.checkpoint import Checkpoints
from tracking import RunWriter


def test_numbers_of_removed_models_are_kept_as_ranges(sick: Path) -> None:
    study = results.open_study("houses")
    for numbers in ([7], [0, 1, 2, 3], [9, 8], []):
        kept_models.mark_removed(study, numbers)
    assert study.user_attrs["removed_models"] == "0-3,7-9"
    assert kept_models.removed(study) == {0, 1, 2, 3, 7, 8, 9}


@pytest.mark.parametrize("damaged", ["x", "1-", -1, [1]])
def test_ranges_that_are_none_are_damage(sick: Path, damaged: object) -> None:
    results.open_study("houses").set_user_attr("removed_models", damaged)
    studies.forget()
    with pytest.raises(CorruptStore, match="its removed models are"):
        results.open_study("houses")


@pytest.mark.parametrize(
    ("asked", "total", "most"),
    [(None, 199, None), (None, 200, 50), (None, 1_000_000, None), ("all", 500, None), ("best:10", 5, 10)],
)
def test_below_200_trials_all_models_are_kept_then_those_of_the_best_50(
    asked: str | None, total: int, most: int | None
) -> None:
    assert kept_models.most_kept(asked, total) == most


def test_a_trial_that_is_not_among_the_best_is_known_before_its_model_is_logged(sick: Path) -> None:
    study = results.open_study("houses")
    objective, best = studies.objective_of(study), [study.get_trials()[number].value or 0.0 for number in ranked()]
    assert kept_models.is_kept(study, objective, 9, 0.0, None)
    assert kept_models.is_kept(study, objective, 9, 0.0, 4)  # there are three
    assert not kept_models.is_kept(study, objective, 9, best[1], 2)
    # of equals the one with the lower number is the better, though it may end later
    assert kept_models.is_kept(study, objective, -1, best[1], 2)
    assert kept_models.is_kept(study, objective, 9, best[1] + 1e-6, 2)


def test_a_running_sweep_removes_the_models_of_trials_that_have_fallen_out(sick: Path) -> None:
    study, folder = results.open_study("houses"), sick / "runs/studies/houses"
    with contextlib.closing(Claims(folder)) as claims:
        checkpoints = Checkpoints(folder / "checkpoints")
        store = the_store()
        writer = RunWriter(store, at_once=True)
        session = StudySession(study, store, writer, claims, checkpoints, Budget(9), lambda do: None, models_kept=2)
        session.remove_models()
        assert (models_on_disk(sick), kept_models.removed(study)) == (2, {ranked()[-1]})
        session.models_kept = None
        session.remove_models()
    assert models_on_disk(sick) == 2
    assert examine("houses").findings == ()


@pytest.mark.slow
def test_a_sweep_keeps_the_models_that_it_is_asked_to(workspace: Workspace, worker: SharedWorker) -> None:
    options = ("--trials", "5", "--epochs", "1", "--pruner", "none", "--jobs", "1", "--set", "n_hidden=1")
    done = worker.sweeps(workspace, "run", "s", *options, "--keep-models", "best:1")
    assert done.returncode == 0, done.stderr
    assert "models: that of the best trial is kept" in done.stdout
    (file,) = workspace.folder.glob("runs/artifacts/s/models/*/artifacts/data/model.keras")
    assert file.parts[-4] == workspace.json("best", "s")["model_uri"].removeprefix("models:/")
    assert_sound(workspace, "s", 5)
    again = worker.sweeps(workspace, "resume", "s", "--trials", "6")
    assert "models:" not in again.stdout
    assert len(list(workspace.folder.glob("runs/artifacts/s/models/*/artifacts/data/model.keras"))) == 1
    assert_sound(workspace, "s", 6)
