"""The files of an export: the model in each format, class names, hyperparameters, README, model card and manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.export.exported import Exported
from sweeps.export.formats import DEFAULT, FORMATS, Format, write
from sweeps.export.readme import readme
from sweeps.study.attributes import IDENTITY
from sweeps.system.atomic_files import sha256, write_json

if TYPE_CHECKING:
    from sweeps.model.signature import Signature

_DEFAULT = tuple(FORMATS[each] for each in DEFAULT)
#: how the formats compare with a model of that signature: what the manifest says of each, and of the rows
Compare = Callable[[Any, "Signature"], tuple[dict[str, Any], dict[str, Any]]]


def write_export(
    folder: Path,
    model: Any,
    exported: Exported,
    formats: Sequence[Format] = _DEFAULT,
    tell: Callable[[str], object] = lambda step: None,
    compare: Compare | None = None,
    card: Callable[[Mapping[str, Any]], str] | None = None,
) -> dict[str, Any]:
    """Write an export into a folder, which may hold the `model.keras` of a trial.

    Args:
        tell: is told what is done, a step at a time.
        compare: compares the formats with the model once they are written.
        card: makes the model card of the manifest.

    Returns:
        The manifest.

    Raises:
        InputError: a format cannot hold the model, or differs from it.
    """
    from sweeps.model.heads import class_names, head_of
    from sweeps.model.signature import signature_of

    data = exported.data
    signature = signature_of(model, data)
    for each in formats:
        if each.name != "keras" or not (folder / each.path).exists():
            tell(f"writing {each.path}")
        write(each, model, folder, signature)
    compared, rows = (
        compare(model, signature) if compare else ({each.name: {"path": each.path} for each in formats}, {})
    )
    labels = class_names(data)
    head = head_of(model, signature, data["target"], labels)
    write_json(folder / "labels.json", labels)
    write_json(folder / "params.json", exported.ensemble.params if exported.ensemble else exported.best.params)
    details = {
        **_origin(exported),
        "parameters": model.count_params(),
        "formats": compared,
        "compared_on": rows,
        "input": signature.inputs,
        "named_inputs": signature.named,
        "prepared": exported.prepared is not None,
        "output": signature.outputs,
        "head": asdict(head),
        "target": data["target"],
        "features": data["features"],
        "reading": data.get("reading"),
        "versions": {name: version(name) for name in ("keras", "tensorflow", "keras-sweeps")},
    }
    space, classes = exported.attributes[IDENTITY]["space"], _custom_classes(model)
    text = readme(exported, signature, head, classes, space, labels, compared)
    (folder / "README.md").write_text(text, encoding="utf-8")
    if card is not None:
        (folder / "MODEL_CARD.md").write_text(card(details), encoding="utf-8")
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    details["sha256"] = {str(path.relative_to(folder)): sha256(path) for path in files}
    write_json(folder / "manifest.json", details)
    return details


def _origin(exported: Exported) -> dict[str, Any]:
    """Which trial the model is of, or which ones; what a single trial has is null for an ensemble."""
    best, identity = exported.best, exported.attributes[IDENTITY]
    of_trial = {
        "value": best.value,
        "trial": best.trial,
        "run_id": best.run_id,
        "epoch": best.epoch,
        "rounds": best.rounds,
        "confirmed": best.confirmed,
        "confirmation": best.confirmation,
    }
    return {
        "study": best.study,
        "objective": best.objective,
        **(dict.fromkeys(of_trial) if exported.ensemble else of_trial),
        "ensemble": asdict(exported.ensemble) if exported.ensemble else None,
        "dataset": {"name": identity["dataset"], "digest": identity["digest"]},
        "allow_lambda": bool(identity.get("options", {}).get("allow_lambda")),
    }


def _custom_classes(model: Any) -> list[str]:
    """The custom classes of the model and its layers, as MODULE.CLASS."""
    kinds = {type(layer) for layer in (model, *model._flatten_layers())}
    return sorted(
        f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.split(".")[0] != "keras"
    )
