"""Export of a study's best model, of another trial's or of an ensemble, to a folder that does not need this package."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import optuna

from sweeps.errors import InputError
from sweeps.export.ensemble import Ensemble, Member, average, members_of
from sweeps.export.exported import Exported
from sweeps.export.formats import DEFAULT, check_inputs, formats_of
from sweeps.export.inputs import StudyRows, drawn, of_rows
from sweeps.export.keras_file import load_keras_file
from sweeps.export.manifest import Input
from sweeps.export.message import message
from sweeps.export.model_card import model_card
from sweeps.export.round_trip import CleanProcesses, compare, limit_of
from sweeps.export.write import write_export
from sweeps.space.fingerprint import Fingerprint, SpaceSource
from sweeps.study import results
from sweeps.study.attributes import DATA, PREPARED
from sweeps.study.identity import remember_place
from sweeps.study.results import Best
from sweeps.system import paths
from sweeps.system.atomic_files import new_folder
from sweeps.system.import_keras import import_keras, require_tensorflow

if TYPE_CHECKING:
    from sweeps.space.reference import Space
    from tracking import Store

#: what formats are compared on
STUDY_ROWS, RANDOM_ROWS = "rows of the study", "random rows"


@dataclass(frozen=True)
class ExportRequest:
    """What is asked for.

    Attributes:
        formats: their names; `keras` is always among them.
        trial: a COMPLETE trial in place of the best one.
        ensemble: how many of the best trials are averaged to one model.
        force: replace an existing export.
        space: the study's space, if it was given as an object or its file has moved.

    Raises:
        InputError: options exclude each other.
    """

    study: str
    formats: tuple[str, ...] = DEFAULT
    trial: int | None = None
    ensemble: int | None = None
    force: bool = False
    space: str | Space | None = None

    def __post_init__(self) -> None:
        if self.trial is not None and self.ensemble is not None:
            raise InputError("--trial exports the model of one trial, --ensemble that of several; give one of them")
        if self.ensemble is not None and self.ensemble < 2:
            raise InputError(f"--ensemble: two trials or more are averaged, got {self.ensemble}")


class Evaluate(Protocol):
    """Evaluates an ensemble beside the best trial; see `sweeps.confirm.ensemble.EnsembleFigures`."""

    def check(self, study: optuna.Study) -> None: ...

    def __call__(
        self, study: optuna.Study, ensemble: Ensemble, model: Any, best: Best, single: Any
    ) -> dict[str, Any]: ...


def export(
    request: ExportRequest,
    tell: Callable[[str], object] = lambda step: None,
    rows: Callable[[optuna.Study], StudyRows] | None = None,
    evaluate: Evaluate | None = None,
) -> str:
    """Write a model of a study to `exports/STUDY/`, and register the best one in MLflow as champion.

    Each format is loaded again in a clean process and compared with the trained model before the folder is there.

    Args:
        tell: is told what is done, a step at a time.
        rows: gives raw rows of the study, on which the formats are compared; None: random ones are taken.
        evaluate: evaluates an ensemble.

    Returns:
        A message for the user.

    Raises:
        InputError: there is no such study, no such trial, or (without `force`) an export exists; a format is not
            installed, cannot hold the model, or differs from it.
        BackendUnreachable: the MLflow store or the logged model cannot be reached.
    """
    formats = formats_of(request.formats)
    folder = paths.export_folder(request.study)
    opened = results.open_study(request.study)
    best = _chosen(opened, request)
    members = members_of(opened, request.ensemble) if request.ensemble else ()
    if members and evaluate is not None:
        evaluate.check(opened)
    data = results.whole(opened, DATA, opened.user_attrs)
    trial = results.trial_of(opened, best.run_id)
    prepared = trial.user_attrs.get(PREPARED) if trial else None
    if prepared is None:
        check_inputs(formats, {name: entry["dtype"] for name, entry in data["inputs"].items()})
    if folder.exists() and not request.force:  # checked before the download, which may take minutes
        raise InputError(f"{folder} is there already; --force replaces it")
    with CleanProcesses(formats) as processes, new_folder(folder, request.force) as staging:
        require_tensorflow()
        tell("loading Keras")
        import_keras()  # before MLflow imports it, which would print TensorFlow's messages
        from sweeps.study.record import store_of

        store = store_of(request.study)
        if members:
            model, ensemble = _ensemble(opened, members, best, request.space, tell, evaluate)
        else:
            tell(f"loading the model of {best.name}")
            model, ensemble = _fetched(store, best, staging, request.space), None
        known = _rows(opened, rows, prepared is not None)
        exported = Exported(best, opened.user_attrs, prepared, ensemble)

        def checked(model: Any, signature: Any) -> tuple[dict[str, Any], dict[str, Any]]:
            some, origin = _inputs(signature, known)
            count = len(some[0])
            tell(f"comparing {', '.join(each.title for each in formats)} on {count} {origin}, in clean processes")
            found = compare(processes, staging, formats, model, signature, some, request.study, request.space)
            return found, {"rows": count, "inputs": origin, "limit": limit_of(model), "range": _range(some, origin)}

        details = write_export(
            *(staging, model, exported, formats, tell, checked),
            card=lambda manifest: model_card(opened, manifest, known.counts if known else {}),
        )
    if isinstance(request.space, str):
        remember_place(opened, request.space, SpaceSource(Fingerprint.of(request.space)))
    registered = None
    if not members and best.run_id == results.best(opened).run_id:
        tell("registering the model in MLflow")
        registered = _register(store, best)
    return message(folder, best, details, registered, ensemble)


def _chosen(study: optuna.Study, request: ExportRequest) -> Best:
    best = results.best(study)
    if request.trial is not None and request.trial != best.trial:
        best = results.of_trial(study, request.trial)
    if not best.model_uri:
        what = f"trial {best.trial}" if request.trial is not None else f"{best.name}, the best"
        raise InputError(f"{what} of study {study.study_name!r}, has no Keras model to export")
    return best


def _fetched(store: Store, best: Best, staging: Path, space: str | Space | None) -> Any:
    from sweeps.export.logged_models import fetch

    return load_keras_file(fetch(store, best.model_uri, staging), best.study, space)


def _ensemble(
    study: optuna.Study,
    members: tuple[Member, ...],
    best: Best,
    space: str | Space | None,
    tell: Callable[[str], object],
    evaluate: Evaluate | None,
) -> tuple[Any, Ensemble]:
    """The model of several trials, and what it reaches."""
    from sweeps.export.logged_models import load_logged

    tell(f"loading the models of {len(members)} trials")
    models = {f"trial {member.trial}": load_logged(study.study_name, member.model_uri, space) for member in members}
    model, ensemble = average(models, study.user_attrs[DATA]), Ensemble(members)
    if evaluate is None:
        return model, ensemble
    tell("evaluating the ensemble beside the best trial")
    single = load_logged(study.study_name, best.model_uri, space)
    return model, replace(ensemble, figures=evaluate(study, ensemble, model, best, single))


def _rows(study: optuna.Study, rows: Callable[[optuna.Study], StudyRows] | None, is_prepared: bool) -> StudyRows | None:
    """The study's rows, if they are at hand and its models take them."""
    if rows is None or is_prepared:
        return None
    with contextlib.suppress(InputError):  # a program gave the data, or they are other data now
        return rows(study)
    return None


def _inputs(signature: Any, known: StudyRows | None) -> tuple[Sequence[Any], str]:
    """The rows that the formats are compared on, and what they are."""
    inputs = [Input(**entry) for entry in signature.inputs]
    if known is not None:
        with contextlib.suppress(InputError):  # a model of one's own may take others
            return of_rows(known.columns, inputs), STUDY_ROWS
    return drawn(inputs), RANDOM_ROWS


def _range(rows: Sequence[Any], origin: str) -> list[float] | None:
    """The lowest and the highest number of a single input, for those who bring others: images have bytes."""
    if origin != STUDY_ROWS or len(rows) > 1 or rows[0].dtype.kind in "US" or not np.isfinite(rows[0]).any():
        return None
    return [float(np.nanmin(rows[0])), float(np.nanmax(rows[0]))]


def _register(store: Store, best: Best) -> int:
    from sweeps.export.champion import champion
    from sweeps.study.record import in_reach
    from tracking.models import register_champion

    number = "default" if best.trial is None else str(best.trial)
    with in_reach():
        about, note = champion(best, store)
        return register_champion(store, best.study, best.model_uri, best.run_id, {"trial": number}, about, note)
