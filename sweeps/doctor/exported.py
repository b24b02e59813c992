"""The export, if there is one: the files of its manifest, and the trial that it is of."""

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
    """Compare the files with the manifest, and the manifest with the study."""
    folder = paths.export_folder(context.name)
    if not folder.exists():
        return
    for where, what in _damages(folder, context):
        yield Finding(str(where), what, "exports the best model again", partial(_again, context.name))
        return  # one export repairs it all


def _damages(folder: Path, context: StudyContext) -> Iterator[tuple[Path, str]]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        files = dict(manifest["sha256"])
        trial, value = int(manifest["trial"]), float(manifest["value"])
    except (OSError, ValueError, KeyError, TypeError):
        yield folder / "manifest.json", "cannot be read"
        return
    for name, digest in files.items():
        if not (folder / name).is_file():
            yield folder / name, "is missing"
        elif sha256(folder / name) != digest:
            yield folder / name, "is not what was exported (its SHA-256 differs from the manifest)"
    row = next((row for row in results.rows(context.study) if row.number == trial), None)
    if row is None or row.state != "COMPLETE" or row.value != value:
        yield folder, f"is said to be of trial {trial} with the value {value}, which the study does not have"


def _again(study: str) -> None:
    from sweeps.export.export import export_best

    export_best(study, force=True)
