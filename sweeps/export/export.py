"""Export of the best model of a study to a folder that does not depend on this package."""

from __future__ import annotations

import os
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.errors import InputError
from sweeps.export.champion import champion
from sweeps.export.keras_file import load_keras_file
from sweeps.export.readme import readme
from sweeps.space.fingerprint import Fingerprint, SpaceSource
from sweeps.study import confirmation, results
from sweeps.study.attributes import DATA, IDENTITY, PREPARED
from sweeps.study.identity import remember_place
from sweeps.study.results import Best
from sweeps.system import paths
from sweeps.system.atomic_files import new_folder, sha256, write_json
from sweeps.system.import_keras import import_keras

if TYPE_CHECKING:
    from sweeps.space.reference import Space


def export_best(study: str, force: bool = False, space: str | Space | None = None) -> str:
    """Write the best model to `exports/STUDY/` and register it in MLflow as champion; return a message for the user.

    Args:
        force: replace an existing export.
        space: the study's space, if it was given as an object or its file has moved.

    Raises:
        InputError: there is no such study, no complete trial, or (without `force`) an export exists.
        BackendUnreachable: the MLflow store or the logged model cannot be reached.
    """
    folder = paths.export_folder(study)
    opened = results.open_study(study)
    best = results.best(opened)
    results.whole(opened, DATA, opened.user_attrs)
    if not best.model_uri:
        raise InputError(f"{best.name}, the best of study {study!r}, has no Keras model to export")
    if folder.exists() and not force:  # checked before the download, which may take minutes
        raise InputError(f"{folder} is there already; --force replaces it")
    import_keras()  # before MLflow imports it, which would print TensorFlow's messages
    from sweeps.export.logged_models import fetch
    from sweeps.study.record import in_reach, store_of
    from tracking.models import register_champion

    store = store_of(study)
    with new_folder(folder, force) as staging:
        fetch(store, best.model_uri, staging)
        trial = results.trial_of(opened, best.run_id)
        prepared = trial.user_attrs.get(PREPARED) if trial else None
        details = write_export(staging, staging / "model.keras", best, opened.user_attrs, prepared, space)
    if isinstance(space, str):
        remember_place(opened, space, SpaceSource(Fingerprint.of(space)))
    with in_reach():
        number = "default" if best.trial is None else str(best.trial)
        about, note = champion(best, store)
        version_ = register_champion(store, study, best.model_uri, best.run_id, {"trial": number}, about, note)
    head = details["head"]
    raw = f"Predictions are the raw outputs: their meaning is not known ({head['why']})\n"
    return (
        f"{folder}: {best.objective} {best.value:.4f} of {best.name}, {details['parameters']:,} parameters; "
        f"registered in MLflow as {study} version {version_}, alias champion\n"
        f"{raw if head['gives'] == 'raw' else ''}"
        f"{confirmation.sentence(best.confirmation, study)}\n"
        f"Predict with: sweeps predict --model {os.path.relpath(folder)} FILE"
    )


def write_export(
    folder: Path,
    keras_file: Path,
    best: Best,
    attributes: dict[str, Any],
    prepared: dict[str, Any] | None = None,
    space: str | Space | None = None,
) -> dict[str, Any]:
    """Add SavedModel, labels, parameters, manifest and README to an export folder.

    Args:
        keras_file: the model.
        best: the trial of the model.
        attributes: the study's user attributes.
        prepared: the model's inputs, where the space's `fit` prepares the data.
        space: see `export_best`.

    Returns:
        The manifest.
    """
    model = load_keras_file(keras_file, best.study, space)
    from sweeps.model.heads import head_of
    from sweeps.model.signature import signature_of

    identity, data = attributes[IDENTITY], attributes[DATA]
    if prepared is not None:  # the table's columns are then not the model's inputs
        data = data | {"inputs": prepared, "features": None, "reading": None}
    signature = signature_of(model, data)
    # Keras assumes that each input of a subclassed model is float32, and names no column as a SavedModel needs it
    renamed = signature.named and any(name != to for name, to in signature.served_names.items())
    is_known = getattr(model, "inputs", None) and not renamed
    input_signature = {} if is_known else {"input_signature": [signature.specs()]}
    model.export(folder / "saved_model", format="tf_saved_model", verbose=False, **input_signature)
    labels = data["labels"] if len(data["labels"] or ()) > 1 else None
    head = head_of(model, signature, data["target"], labels)
    write_json(folder / "labels.json", labels)
    write_json(folder / "params.json", best.params)
    (folder / "README.md").write_text(
        readme(
            *(best, signature, head, _custom_classes(model), identity["space"], prepared is not None),
            labels=labels,
            reading=data.get("reading"),
        ),
        encoding="utf-8",
    )
    details = {
        "study": best.study,
        "objective": best.objective,
        "value": best.value,
        "trial": best.trial,
        "run_id": best.run_id,
        "epoch": best.epoch,
        "rounds": best.rounds,
        "confirmed": best.confirmed,
        "confirmation": best.confirmation,
        "parameters": model.count_params(),
        "input": signature.inputs,
        "named_inputs": signature.named,
        "prepared": prepared is not None,
        "output": signature.outputs,
        "head": asdict(head),
        "target": data["target"],
        "features": data["features"],
        "reading": data.get("reading"),
        "dataset": {"name": identity["dataset"], "digest": identity["digest"]},
        "allow_lambda": bool(identity.get("options", {}).get("allow_lambda")),
        "versions": {name: version(name) for name in ("keras", "tensorflow", "keras-sweeps")},
        "sha256": {str(path.relative_to(folder)): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()},
    }
    write_json(folder / "manifest.json", details)
    return details


def _custom_classes(model: Any) -> list[str]:
    """The custom classes of the model and its layers, as MODULE.CLASS."""
    kinds = {type(layer) for layer in (model, *model._flatten_layers())}
    return sorted(
        f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.split(".")[0] != "keras"
    )
