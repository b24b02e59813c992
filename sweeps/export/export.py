"""The best model of a study as files that need nothing of this project."""

from __future__ import annotations

import os
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.errors import InputError
from sweeps.export.keras_file import load_keras_file
from sweeps.export.readme import readme
from sweeps.space.fingerprint import Fingerprint, SpaceSource
from sweeps.study import results
from sweeps.study.attributes import DATA, IDENTITY, PREPARED
from sweeps.study.identity import remember_place
from sweeps.study.results import Best
from sweeps.system import paths
from sweeps.system.atomic_files import new_folder, sha256, write_json
from sweeps.system.import_keras import import_keras

if TYPE_CHECKING:
    from sweeps.space.reference import Space


def export_best(study: str, force: bool = False, space: str | Space | None = None) -> str:
    """Write `exports/STUDY/`, register the model as champion; returns what to say of it.

    Args:
        space: the study's, where a program gave it as an object, or its file was moved.

    Raises:
        InputError: no such study, no complete trial, or an export that is there already (without `force`).
        BackendUnreachable: the record or the logged model cannot be reached.
    """
    folder = paths.export_folder(study)
    opened = results.open_study(study)
    best = results.best(opened)
    results.whole(opened, DATA, opened.user_attrs)
    if folder.exists() and not force:  # before the minutes it may take
        raise InputError(f"{folder} is there already; --force replaces it")
    import_keras()  # before MLflow does, which lets TensorFlow greet
    from sweeps.export.logged_models import fetch
    from sweeps.study.record import in_reach, store_of
    from tracking.models import register_champion

    store = store_of(study)
    with new_folder(folder, force) as made:
        fetch(store, best.model_uri, made)
        prepared = opened.get_trials(deepcopy=False)[best.trial].user_attrs.get(PREPARED)
        details = write_export(made, made / "model.keras", best, opened.user_attrs, prepared, space)
    if isinstance(space, str):
        remember_place(opened, space, SpaceSource(Fingerprint.of(space)))
    with in_reach():
        version_ = register_champion(store, study, best.model_uri, best.run_id, {"trial": str(best.trial)})
    head = details["head"]
    raw = f"Predictions give its outputs raw: their meaning is not known ({head['why']})\n"
    return (
        f"{folder}: {best.objective} {best.value:.4f} of trial {best.trial}, {details['parameters']:,} parameters; "
        f"registered in MLflow as {study} version {version_}, alias champion\n"
        f"{raw if head['gives'] == 'raw' else ''}"
        f"Predict with: sweeps predict --model {os.path.relpath(folder)} FILE"
    )


def write_export(
    made: Path,
    keras_file: Path,
    best: Best,
    attributes: dict[str, Any],
    prepared: dict[str, Any] | None = None,
    space: str | Space | None = None,
) -> dict[str, Any]:
    """Complete the folder `made`, which holds `model.keras`: SavedModel, labels, parameters, manifest, README.

    Args:
        attributes: the study's.
        prepared: what the model takes, where the space's `fit` makes something else of the data.

    Returns:
        The manifest.
    """
    model = load_keras_file(keras_file, best.study, space)
    from sweeps.model.heads import head_of
    from sweeps.model.signature import signature_of

    identity, data = attributes[IDENTITY], attributes[DATA]
    if prepared is not None:  # a table's columns then say nothing of it
        data = data | {"inputs": prepared, "features": None}
    signature = signature_of(model, data)
    # Keras takes every input of a model of a class of its own for float32
    given = {} if getattr(model, "inputs", None) else {"input_signature": [signature.specs()]}
    model.export(made / "saved_model", format="tf_saved_model", verbose=False, **given)
    labels = data["labels"] if len(data["labels"] or ()) > 1 else None
    head = head_of(model, signature, data["target"], labels)
    write_json(made / "labels.json", labels)
    write_json(made / "params.json", best.params)
    (made / "README.md").write_text(
        readme(best, signature, head, _own_classes(model), identity["space"], prepared is not None), encoding="utf-8"
    )
    details = {
        "study": best.study,
        "objective": best.objective,
        "value": best.value,
        "trial": best.trial,
        "run_id": best.run_id,
        "epoch": best.epoch,
        "parameters": model.count_params(),
        "input": signature.inputs,
        "named_inputs": signature.named,
        "prepared": prepared is not None,
        "output": signature.outputs,
        "head": asdict(head),
        "target": data["target"],
        "features": data["features"],
        "dataset": {"name": identity["dataset"], "digest": identity["digest"]},
        "allow_lambda": bool(identity.get("options", {}).get("allow_lambda")),
        "versions": {name: version(name) for name in ("keras", "tensorflow", "keras-sweeps")},
        "sha256": {str(path.relative_to(made)): sha256(path) for path in sorted(made.rglob("*")) if path.is_file()},
    }
    write_json(made / "manifest.json", details)
    return details


def _own_classes(model: Any) -> list[str]:
    """The classes of the model and its layers that are not Keras's own, as MODULE.CLASS."""
    kinds = {type(layer) for layer in (model, *model._flatten_layers())}
    return sorted(
        f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.split(".")[0] != "keras"
    )
