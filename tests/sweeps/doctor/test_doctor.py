"""`sweeps doctor`: a real study and a real record, damaged by hand."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from houses import STATES

from sweeps.cli.main import main
from sweeps.doctor import examine
from sweeps.study import study as studies
from sweeps.study.attributes import MODEL_URI, PARENT_RUN, RUN_ID, TOTAL
from sweeps.system import paths
from sweeps.system.locks import present
from tracking import DataDescription, Store, TrialRun, begin_sweep, child_runs, open_store
from tracking.spool import UnsentRun, save_unsent


def the_study() -> tuple[optuna.Study, Store]:
    store = open_store(paths.tracking_uri(), "houses", None)
    return studies.load("houses", paths.journal("houses")), store


def cut(folder: Path) -> None:
    journal = paths.journal("houses")
    journal.write_bytes(journal.read_bytes() + b'{"op_code":6,"trial')


def leave_a_trial_running(folder: Path) -> None:
    study, store = the_study()
    trial = study.ask()
    run = TrialRun(store, study.user_attrs[PARENT_RUN], trial.number, {})
    trial.set_user_attr(RUN_ID, run.run_id)


def leave_a_run_running(folder: Path) -> None:
    with sqlite3.connect(folder / "runs/mlflow.db") as database:
        database.execute("UPDATE runs SET status = 'RUNNING' WHERE name = 'trial-0001'")


def make_an_orphan(folder: Path) -> None:
    study, store = the_study()
    TrialRun(store, study.user_attrs[PARENT_RUN], 77, {})


def make_a_duplicate(folder: Path) -> None:
    study, store = the_study()
    TrialRun(store, study.user_attrs[PARENT_RUN], 2, {}).close()


def delete_a_run(folder: Path) -> None:
    study, store = the_study()
    store.client.delete_run(study.get_trials()[2].user_attrs[RUN_ID])


def lose_a_run(folder: Path, name: str = "trial-0003") -> None:
    with sqlite3.connect(folder / "runs/mlflow.db") as database:
        (run_id,) = database.execute("SELECT run_uuid FROM runs WHERE name = ?", (name,)).fetchone()
        for table in ("tags", "params", "metrics", "latest_metrics", "runs"):
            database.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (run_id,))


def raise_a_score(folder: Path) -> None:
    with sqlite3.connect(folder / "runs/mlflow.db") as database:
        database.execute(
            "UPDATE latest_metrics SET value = 1.7e308 WHERE key = 'best_val_accuracy' AND run_uuid = "
            "(SELECT run_uuid FROM runs WHERE name = 'trial-0000')"
        )


def lose_a_score(folder: Path) -> None:
    with sqlite3.connect(folder / "runs/mlflow.db") as database:
        for table in ("metrics", "latest_metrics"):
            database.execute(
                f"DELETE FROM {table} WHERE key = 'best_val_accuracy' AND run_uuid = "
                "(SELECT run_uuid FROM runs WHERE name = 'trial-0002')"
            )


def leave_files(folder: Path) -> None:
    (folder / "runs/studies/houses/journal.log.lock").touch()
    (folder / "exports/.houses-a1b2c3d4").mkdir()


def leave_the_sweep_open(folder: Path) -> None:
    study, store = the_study()
    store.client.update_run(study.user_attrs[PARENT_RUN], status="RUNNING")


def leave_an_end_unsent(folder: Path) -> None:
    study, store = the_study()
    run_id = study.get_trials()[4].user_attrs[RUN_ID]
    store.client.update_run(run_id, status="RUNNING")
    spooling = replace(store, spool=paths.spool("houses"))
    save_unsent(spooling, run_id, UnsentRun([], {}, {"state": "COMPLETE"}, {"note.txt": "late"}, "FINISHED", 1))


def leave_a_checkpoint(folder: Path) -> None:
    place = folder / "runs/studies/houses/checkpoints"
    place.mkdir()
    (place / "3.checkpoint").touch()


def leave_a_model_behind(folder: Path) -> None:
    (paths.spool("houses") / "0123abcd/model").mkdir(parents=True)


def make_a_second_sweep(folder: Path) -> None:
    _, store = the_study()
    begin_sweep(store, None, {}, {}, DataDescription("houses", "ab", "houses.csv"))


def delete_the_sweeps_run(folder: Path) -> None:
    study, store = the_study()
    store.client.delete_run(study.user_attrs[PARENT_RUN])


def delete_the_experiment(folder: Path) -> None:
    _, store = the_study()
    store.client.delete_experiment(store.experiment_id)


def lose_the_sweeps_run(folder: Path) -> None:
    lose_a_run(folder, "sweep")


def lose_a_model(folder: Path) -> None:
    study, _ = the_study()
    model_id = study.get_trials()[2].user_attrs[MODEL_URI].removeprefix("models:/")
    with sqlite3.connect(folder / "runs/mlflow.db") as database:
        database.execute("DELETE FROM logged_models WHERE model_id = ?", (model_id,))


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "torn journal": (cut, "torn record of 19 bytes"),
    "running trial": (leave_a_trial_running, "trial 5: RUNNING, but no process works on it"),
    "running run": (leave_a_run_running, "trial 1: PRUNED, but its run"),
    "orphan": (make_an_orphan, "belongs to trial 77, which the study does not have"),
    "duplicate": (make_a_duplicate, "is a duplicate"),
    "deleted run": (delete_a_run, "is deleted"),
    "lost run": (lose_a_run, "trial 3: has no run in MLflow"),
    "wrong score": (raise_a_score, "trial 0: best_val_accuracy is 0."),
    "lost score": (lose_a_score, "in the study, missing in its run"),
    "leftover files": (leave_files, "a stale lock"),
    "unsent end": (leave_an_end_unsent, "its end has not been sent to MLflow yet"),
    "model left behind": (leave_a_model_behind, "left over from a trial's model"),
    "checkpoint": (leave_a_checkpoint, "a checkpoint that no trial will resume from"),
    "second sweep": (make_a_second_sweep, "a sweep's run that the study does not know"),
    "lost model": (lose_a_model, "is not in MLflow, but"),
    "open sweep": (leave_the_sweep_open, "the sweep's run is RUNNING"),
}
#: beside which others could not be
ALONE: dict[str, tuple[Callable[[Path], None], str]] = {
    "deleted sweep": (delete_the_sweeps_run, "the sweep's run is deleted"),
    "lost sweep": (lose_the_sweeps_run, "the sweep's run is not in MLflow"),
    "deleted experiment": (delete_the_experiment, "is deleted in MLflow"),
}


@pytest.mark.parametrize("damage", [*DAMAGES, *ALONE])
def test_the_doctor_finds_a_damage_and_mends_it(sick: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert examine("houses").findings == ()
    harm, said = (DAMAGES | ALONE)[damage]
    harm(sick)
    with pytest.raises(SystemExit) as end:
        main(["doctor", "houses"])
    assert end.value.code == 5
    assert said in capsys.readouterr().out
    main(["doctor", "houses", "--fix"])
    assert "repaired" in capsys.readouterr().out
    assert examine("houses").findings == ()


def test_a_lost_run_of_a_complete_trial_is_made_again_with_its_score(sick: Path) -> None:
    lose_a_run(sick, "trial-0004")
    (found,) = examine("houses", fix=True).findings
    assert (found.where, found.what) == ("trial 4", "has no run in MLflow")
    assert examine("houses").findings == ()
    study, store = the_study()
    (run,) = [run for run in child_runs(store) if run.data.tags["trial"] == "4"]
    assert run.data.metrics["best_val_accuracy"] == study.get_trials()[4].value


def test_an_export_that_was_put_aside_is_put_back_unless_there_is_a_new_one(sick: Path) -> None:
    (sick / "exports/houses").rename(sick / "exports/.houses-a1b2c3d4-old")
    (found,) = examine("houses", fix=True).findings
    assert found.what == "a replaced export without its successor"
    assert [path.name for path in (sick / "exports").iterdir()] == ["houses"]
    shutil.copytree(sick / "exports/houses", sick / "exports/.houses-a1b2c3d4-old")
    (found,) = examine("houses", fix=True).findings
    assert found.what == "left over from an export"
    assert [path.name for path in (sick / "exports").iterdir()] == ["houses"]
    assert examine("houses").findings == ()


def test_all_damages_at_once_are_all_found_and_all_repaired(sick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = paths.journal("houses")
    for harm, _ in DAMAGES.values():
        if harm is not cut:
            harm(sick)
    cut(sick)
    before = journal.read_bytes()
    with pytest.raises(SystemExit):
        main(["doctor", "houses", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert not document["sound"]
    found = "\n".join(f"{one['where']}: {one['what']}" for one in document["findings"])
    for _, said in DAMAGES.values():
        assert said in found
    assert journal.read_bytes() == before
    assert examine("houses", fix=True).consistent
    assert examine("houses").findings == ()
    assert journal.with_name("journal.log.bak").read_bytes() == before
    trials = studies.load("houses", journal).get_trials()
    assert [trial.state.name for trial in trials] == [*STATES, "FAIL"]


def test_what_a_running_sweep_works_at_is_no_damage_and_is_not_repaired(sick: Path, fails: Callable[..., str]) -> None:
    journal = paths.journal("houses")
    leave_a_trial_running(sick)
    leave_the_sweep_open(sick)
    journal.with_name("journal.log.lock").touch()
    with present(journal.parent):
        found = examine("houses")
        assert (found.alive, found.findings) == (True, ())
        assert "no sweep of study 'houses' may be running" in fails("doctor", "houses", "--fix")
    assert len(examine("houses").findings) == 3


def test_a_checkpoint_of_a_study_that_lacks_trials_is_no_damage(sick: Path) -> None:
    study, _ = the_study()
    study.set_user_attr(TOTAL, 5)
    leave_a_checkpoint(sick)
    assert examine("houses").findings == ()


def test_what_the_store_refuses_is_said_and_stays_a_finding(sick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_an_end_unsent(sick)
    study, store = the_study()
    store.client.delete_run(study.get_trials()[4].user_attrs[RUN_ID])
    with pytest.raises(SystemExit) as end:
        main(["doctor", "houses", "--fix"])
    assert end.value.code == 5
    assert "it could not be repaired" in capsys.readouterr().out


def test_what_cannot_be_repaired_stays_said(sick: Path, fails: Callable[..., str]) -> None:
    study, store = the_study()
    study.set_user_attr(TOTAL, 3)
    uri = study.get_trials()[0].user_attrs[MODEL_URI]
    location = store.client.get_logged_model(uri.removeprefix("models:/")).artifact_location
    (Path(location.removeprefix("file://")) / "data/model.keras").unlink()
    assert "2 of its findings above are not repaired" in fails("doctor", "houses", "--fix", code=5)
    first, second = examine("houses").findings
    assert "4 trials are COMPLETE or PRUNED, its total is 3" in first.what
    assert f"its model {uri} has lost its file" in second.what


def test_an_unknown_study_is_refused_and_nothing_is_made(here: Path, fails: Callable[..., str]) -> None:
    assert "unknown study 'houses'" in fails("doctor", "houses")
    assert list(here.iterdir()) == []


def test_a_record_that_is_gone_is_found_and_nothing_is_made_unasked(sick: Path, fails: Callable[..., str]) -> None:
    kept = (sick / "runs/mlflow.db").rename(sick / "kept.db")
    assert "sweeps doctor houses --fix" in fails("doctor", "houses", code=5)
    assert not (sick / "runs/mlflow.db").exists()
    kept.rename(sick / "runs/mlflow.db")
