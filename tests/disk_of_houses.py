"""What is left of the study of `houses`."""

from __future__ import annotations

from pathlib import Path

from sweeps.study import results
from sweeps.study import study as studies
from sweeps.system import paths
from tracking import Store, open_store


def the_store() -> Store:
    return open_store(paths.tracking_uri(), "houses", None)


def models_on_disk(folder: Path) -> int:
    return len(list(folder.glob("runs/artifacts/houses/models/*/artifacts/data/model.keras")))


def ranked() -> list[int]:
    study = results.open_study("houses")
    return [trial.number for trial in studies.objective_of(study).ranked(study.get_trials(deepcopy=False))]
