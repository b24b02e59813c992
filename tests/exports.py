"""Exports of models that are made in a test, without a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sweeps.export.export import write_export
from sweeps.export.predict import predict
from sweeps.study.attributes import DATA, IDENTITY
from sweeps.study.results import Best


def export(folder: Path, model: Any, labels: list[str] | None = None, target: str = "regression", **more: Any) -> Path:
    """Export a model as `sweeps export` does; returns the folder.

    Args:
        target: the kind of the study's target.
        more: of what the study tells of its data; "prepared" of the trial's.
    """
    folder.mkdir()
    model.save(folder / "model.keras")
    prepared = more.pop("prepared", None)
    inputs = {"": {"shape": list(model.input_shape[1:]), "dtype": "float32"}} if "inputs" not in more else {}
    data = {"target": target, "labels": labels, "features": None, "inputs": inputs, **more}
    identity = {"space": "s", "dataset": "d", "digest": "0"}
    best = Best("s", "val_loss", 0.5, 0, "run", {}, 1, "models:/m-0")
    write_export(folder, folder / "model.keras", best, {IDENTITY: identity, DATA: data}, prepared)
    return folder


def predict_file(folder: Path, file: Path, rows: int | None = None) -> list[Any]:
    """All predictions of an export for the rows of a file."""
    return [row for some in predict(folder, file, rows) for row in some.rows]
