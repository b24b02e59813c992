"""A finished study as a sweep leaves it, without the minutes: its models are no models."""

from __future__ import annotations

from pathlib import Path

from sweeps.study import study as studies
from sweeps.study.attributes import EPOCH, MODEL_URI, PARAMS, PARENT_RUN, RUN_ID, TOTAL
from sweeps.study.identity import Identity
from sweeps.study.study import StudyRef
from sweeps.system import paths
from sweeps.system.atomic_files import write_json
from tracking import DataDescription, Store, SweepResults, TrialRun, begin_sweep, end_sweep, open_store

IDENTITY = Identity("mlp", "digits", "ab" * 16, "val_accuracy", "maximize", 3, 0, ())
STATES = ("COMPLETE", "PRUNED", "COMPLETE", "FAIL", "COMPLETE")


def fake_model(store: Store, run_id: str, folder: Path) -> str:
    """A logged model whose file is no model: the doctor does not load it."""
    logged = store.client.create_logged_model(store.experiment_id, "model", run_id)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data/model.keras").write_bytes(b"weights")
    store.client.log_model_artifacts(logged.model_id, str(folder))
    store.client.finalize_logged_model(logged.model_id, "READY")
    return str(logged.model_uri)


def a_study(folder: Path) -> None:
    """A finished study of five trials, as a sweep leaves it, without the minutes."""
    ref = StudyRef("houses", paths.journal("houses"), "random", "none", 3, 0)
    store = open_store(paths.tracking_uri(), "houses", paths.artifact_root())
    study = studies.create(ref, IDENTITY)
    parent = begin_sweep(store, None, {}, {}, DataDescription("houses", "ab", "houses.csv"))
    study.set_user_attr(PARENT_RUN, parent)
    study.set_user_attr(TOTAL, 4)
    for number, state in enumerate(STATES):
        trial = study.ask()
        with TrialRun(store, parent, number, {}) as run:
            trial.set_user_attr(RUN_ID, run.run_id)
            value = 0.5 + trial.suggest_float("x", 0, 1) / 10
            for epoch in (1, 2, 3):
                trial.report(value, epoch)
                run.log_metrics({"val_accuracy": value}, epoch)
            if state == "COMPLETE":
                run.log_metrics({"best_val_accuracy": value}, 3)
                trial.set_user_attr(PARAMS, trial.params)
                trial.set_user_attr(EPOCH, 3)
                trial.set_user_attr(MODEL_URI, fake_model(store, run.run_id, folder / "model"))
            run.state = state
        study.tell(trial, value if state == "COMPLETE" else None, studies.TrialState[state])
    end_sweep(store, parent, "FINISHED", SweepResults({}))
    (folder / "exports/houses").mkdir(parents=True)
    best = study.best_trial
    write_json(folder / "exports/houses/manifest.json", {"sha256": {}, "trial": best.number, "value": best.value})
