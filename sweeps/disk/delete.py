"""`sweeps delete`: a study is removed, with its runs and models in MLflow; its export stays."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

import optuna

from sweeps.disk.alone import alone
from sweeps.storage import shared
from sweeps.study import kept_models, results
from sweeps.study import study as studies
from sweeps.study.attributes import PARENT_RUN
from sweeps.study.record import find_record, in_reach
from sweeps.system import paths
from tracking.removal import folder_bytes, remove_runs


@dataclass(frozen=True)
class Deleting:
    """What there is to delete.

    Attributes:
        trials: of the study.
        size: of its folder, in bytes.
        exported: whether there is an export, which stays.
    """

    study: str
    trials: int
    size: int
    exported: bool


def look(name: str) -> Deleting:
    """What `delete` would remove.

    Raises:
        InputError: there is no such study.
        CorruptStore: its journal cannot be read.
    """
    study = results.open_study(name)
    folder = paths.study_folder(name)
    return Deleting(
        name, len(study.get_trials(deepcopy=False)), folder_bytes(folder), paths.export_folder(name).is_dir()
    )


def delete(name: str) -> int:
    """Delete a study; the number of runs that MLflow had of it. Cut short, it is finished by another call.

    Its runs go first, then its folder, the journal last: as long as anything is left, the study can be named.

    Raises:
        InputError: there is no such study, or a sweep or confirmation of it is running.
        BackendUnreachable: the MLflow store does not answer; nothing was removed.
    """
    runs = 0
    with alone(name):
        store = find_record(name)
        for study in _studies(name):  # cut short, it leaves a study whose models are not missed
            kept_models.mark_removed(study, [trial.number for trial in study.get_trials(deepcopy=False)])
        if store is not None:
            with in_reach():
                # on a server others may have an experiment of this name
                runs = remove_runs(store, None if paths.artifact_root() else _parents(name))
        _remove_folder(name)
    return runs


def _remove_folder(name: str) -> None:
    folder, journal = paths.study_folder(name), paths.journal(name)
    shared.remove(folder)
    for path in sorted(folder.iterdir(), key=lambda path: path == journal):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    folder.rmdir()
    studies.forget(journal)


def _studies(name: str) -> list[optuna.Study]:
    """The study, and the one that confirms it."""
    journals = [paths.journal(name), *filter(studies.begun, [paths.confirm_journal(name)])]
    return [studies.load(name, journal) for journal in journals]


def _parents(name: str) -> list[str]:
    """The runs of the sweep and of the confirmation."""
    found = [study.user_attrs.get(PARENT_RUN) for study in _studies(name)]
    return [run_id for run_id in found if run_id]
