"""`sweeps clean`: the models of all but the best trials, checkpoints and derived files of a study are removed."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeps.disk.alone import alone
from sweeps.study import confirmation, kept_models, results
from sweeps.study import study as studies
from sweeps.study.attributes import CONTINUES, MODEL_URI
from sweeps.study.record import confirming, in_reach, store_of
from sweeps.system import paths
from tracking import Store
from tracking.audit import logged_models
from tracking.removal import folder_bytes, model_bytes, registered_uris, remove_model

#: folders of a study whose content is made again when it is needed, and what they hold
FOLDERS = {
    paths.CHECKPOINTS: "checkpoints",
    "states": "last states of the best trials",
    "tensorboard": "TensorBoard's files",
}


@dataclass(frozen=True)
class Cleaning:
    """What there is to remove of a study.

    Attributes:
        kept: the numbers of the trials whose models stay.
        models: of how many trials and repetitions the models are removed.
        folders: those whose content is.
        size: of all that, in bytes, as far as it is on this machine.
    """

    study: str
    kept: tuple[int, ...]
    models: int
    folders: tuple[Path, ...]
    size: int

    def __bool__(self) -> bool:
        return bool(self.models or self.folders)


def look(name: str, most: int = 1) -> Cleaning:
    """What `clean` would remove.

    Args:
        most: how many of the best trials keep their models; that of a confirmed winner and registered ones stay, too.

    Raises:
        InputError: there is no such study.
        BackendUnreachable: the MLflow store does not answer.
    """
    study = results.open_study(name)
    with in_reach():
        registered = registered_uris(store_of(name))
        surplus = [(store, trial) for _, store, trials in _surplus(name, most, registered) for trial in trials]
        size = sum(model_bytes(store, trial.user_attrs[MODEL_URI]) for store, trial in surplus)
    gone = {trial.number for store, trial in surplus if store.kind == "trial"}
    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state == TrialState.COMPLETE]
    kept = tuple(t.number for t in kept_models.having_models(study, complete) if t.number not in gone)
    folders = tuple(folder for folder in _folders(name) if any(folder.iterdir()))
    return Cleaning(name, kept, len(surplus), folders, size + sum(map(folder_bytes, folders)))


def clean(name: str, most: int = 1) -> Cleaning:
    """Remove what `look` finds. Cut short, it is finished by another call, or by `sweeps doctor --fix`.

    Raises:
        InputError: there is no such study, or a sweep or confirmation of it is running.
        BackendUnreachable: the MLflow store does not answer.
    """
    with alone(name):
        studies.forget(paths.journal(name))
        found = look(name, most)
        with in_reach():
            registered = registered_uris(store_of(name))
            for study, store, trials in _surplus(name, most, registered):
                kept_models.mark_removed(study, [trial.number for trial in trials])
                for trial in trials:
                    remove_model(store, trial.user_attrs[MODEL_URI])
        for folder in found.folders:
            shutil.rmtree(folder)
    return found


def _surplus(
    name: str, most: int, registered: Collection[str]
) -> Iterator[tuple[optuna.Study, Store, list[FrozenTrial]]]:
    """Of the study, and of the one that confirms it, the trials whose models are to go, those among them whose removal
    was cut short."""
    store, protected = store_of(name), confirmation.protected_models(name, registered)
    there = logged_models(store)
    uris = {*there, *(f"runs:/{model.run_id}/model" for model in there.values())}
    study = results.open_study(name)
    continued = [trial for trial in _complete(study) if CONTINUES in trial.user_attrs]
    surplus = [*kept_models.beyond(study, most, protected), *_unprotected(study, continued, protected)]
    yield study, store, [*surplus, *_left(study, uris)]
    if studies.begun(journal := paths.confirm_journal(name)):
        repeating = studies.load(name, journal)
        surplus = _unprotected(repeating, _complete(repeating), protected)
        yield repeating, confirming(store, name), [*surplus, *_left(repeating, uris)]


def _left(study: optuna.Study, uris: Collection[str]) -> list[FrozenTrial]:
    """The trials whose models are noted as removed, and are there."""
    gone = kept_models.removed(study)
    return [one for one in _complete(study) if one.number in gone and one.user_attrs.get(MODEL_URI) in uris]


def _unprotected(study: optuna.Study, trials: list[FrozenTrial], protected: Collection[str]) -> list[FrozenTrial]:
    having = kept_models.having_models(study, trials)
    return [trial for trial in having if trial.user_attrs[MODEL_URI] not in protected]


def _complete(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _folders(name: str) -> Iterator[Path]:
    for folder in (paths.study_folder(name), paths.confirm_journal(name).parent):
        yield from (folder / inner for inner in FOLDERS if (folder / inner).is_dir())
