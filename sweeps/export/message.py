"""What a person is told of an export."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps.export.ensemble import Ensemble
from sweeps.study import confirmation
from sweeps.study.confirmed import said_of_figures
from sweeps.study.results import Best
from sweeps.system.commands import hint


def message(
    folder: Path, best: Best, manifest: Mapping[str, Any], version: int | None, ensemble: Ensemble | None
) -> str:
    """What was exported, how its formats compare, what it reaches, and the command that predicts with it.

    Args:
        best: the trial of the model; of an ensemble, the study's best.
        version: that the model has in MLflow's registry; None: it is not the champion.
    """
    what = f"{best.objective} {best.value:.4f} of {best.name}" if ensemble is None else ensemble.name
    registered = "not registered in MLflow, where the best trial's model is the champion"
    if version is not None:
        registered = f"registered in MLflow as {best.study} version {version}, alias champion"
    head = manifest["head"]
    lines = [f"{folder}: {what}, {manifest['parameters']:,} parameters; {registered}", _compared(manifest)]
    if head["gives"] == "raw":
        lines.append(f"Predictions are the raw outputs: their meaning is not known ({head['why']})")
    lines += said_of_ensemble(ensemble) if ensemble else [confirmation.sentence(best.confirmation, best.study)]
    return "\n".join([*lines, f"Predict with: {hint('predict', '', '--model', os.path.relpath(folder), 'FILE')}"])


def _compared(manifest: Mapping[str, Any]) -> str:
    formats, rows = manifest["formats"], manifest["compared_on"]
    apart = [entry["difference"] for entry in formats.values()]
    said = "not compared, since the model's outputs are random"
    if None not in apart:
        far = f"at most {max(apart):.1g} from" if max(apart) else "the same as"
        said = f"{far} the trained model on {rows['rows']} {rows['inputs']}"
    return f"{', '.join(formats)}: loaded again in clean processes, {said}"


def said_of_ensemble(ensemble: Ensemble) -> list[str]:
    """Its figures beside those of the best trial, a line for each part of the data, and what is missing."""
    lines = []
    for part in ("validation", "test"):
        if (found := ensemble.figures[part]) is not None:
            both = "; ".join(f"{name} {said_of_figures(found[name])}" for name in ("ensemble", "single"))
            lines.append(f"{found['ensemble']['rows']:,} {part} rows: {both}")
    return [*lines, *ensemble.figures["notes"]]
