"""The export of a study, checked against its manifest and the study."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sweeps.doctor.finding import Finding, StudyContext
from sweeps.study import results
from sweeps.system import paths
from sweeps.system.atomic_files import sha256


def check_export(context: StudyContext) -> Iterator[Finding]:
    """Compare the exported files with the manifest, and the manifest with the study."""
    folder = paths.export_folder(context.name)
    damage = next(_damages(folder, context), None) if folder.exists() else None
    if damage is not None:  # a new export repairs all of them: the first is enough
        path, what = damage
        yield Finding(str(path), what, "exports the best model again", partial(_export_again, context.name))


def _damages(folder: Path, context: StudyContext) -> Iterator[tuple[Path, str]]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        files = dict(manifest["sha256"])
        named, value = manifest["trial"], float(manifest["value"])
        run_id = manifest["run_id"] if named is None else manifest.get("run_id")
        number = None if named is None else int(named)
    except (OSError, ValueError, KeyError, TypeError):
        yield folder / "manifest.json", "cannot be read"
        return
    for name, digest in files.items():
        if not (folder / name).is_file():
            yield folder / name, "is missing"
        elif sha256(folder / name) != digest:
            yield folder / name, "is not what was exported (its SHA-256 differs from the manifest)"
    if run_id is not None:  # of the study, or of the one that confirms it
        trial = results.trial_of(context.study, str(run_id))
    else:
        trial = next((one for one in context.study.get_trials(deepcopy=False) if one.number == number), None)
    if trial is None or trial.state.name != "COMPLETE" or trial.value != value:
        what = f"run {run_id}" if number is None else f"trial {number}"
        yield folder, f"its manifest names {what} with the value {value}, which the study does not have"


def _export_again(study: str) -> None:
    from sweeps.export.export import export_best

    export_best(study, force=True)
