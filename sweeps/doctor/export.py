"""The export of a study, checked against its manifest and the study."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.doctor.finding import Finding, StudyContext, TakeRows
from sweeps.study import results
from sweeps.system import paths
from sweeps.system.atomic_files import sha256
from sweeps.system.commands import hint

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from sweeps.export.export import ExportRequest


def check_export(context: StudyContext) -> Iterator[Finding]:
    """Compare the exported files with the manifest, and the manifest with the study."""
    folder = paths.export_folder(context.name)
    damage = next(_damages(folder, context), None) if folder.exists() else None
    if damage is not None:  # a new export repairs all of them: the first is enough
        path, what = damage
        request, remedy = _again(folder, context.name)
        yield Finding(str(path), what, remedy, None if request is None else partial(_export, request, context.rows))


def _damages(folder: Path, context: StudyContext) -> Iterator[tuple[Path, str]]:
    try:
        manifest = _manifest(folder)
        files = dict(manifest["sha256"])
        named = [(*_origin(one), float(one["value"])) for one in _trials(manifest)]
    except (OSError, ValueError, KeyError, TypeError):
        yield folder / "manifest.json", "cannot be read"
        return
    for name, digest in files.items():
        if not (folder / name).is_file():
            yield folder / name, "is missing"
        elif sha256(folder / name) != digest:
            yield folder / name, "is not what was exported (its SHA-256 differs from the manifest)"
    for number, run_id, value in named:
        trial = _trial(context.study, number, run_id)
        if trial is None or trial.state.name != "COMPLETE" or trial.value != value:
            what = f"run {run_id}" if number is None else f"trial {number}"
            yield folder, f"its manifest names {what} with the value {value}, which the study does not have"


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def _trials(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The trials that the exported model is of."""
    ensemble = manifest.get("ensemble")
    return [manifest] if ensemble is None else list(ensemble["members"])


def _origin(entry: dict[str, Any]) -> tuple[int | None, str | None]:
    """A trial's number, and its run: of the study, or of the one that confirms it."""
    number = None if entry["trial"] is None else int(entry["trial"])
    return number, str(entry["run_id"]) if number is None else entry.get("run_id")


def _trial(study: optuna.Study, number: int | None, run_id: str | None) -> FrozenTrial | None:
    """The trial of an entry, if the study has it: by its run, which exports of earlier versions do not tell."""
    if run_id is not None:
        return results.trial_of(study, str(run_id))
    return next((one for one in study.get_trials(deepcopy=False) if one.number == number), None)


def _again(folder: Path, study: str) -> tuple[ExportRequest | None, str]:
    """What exports the same again, and in words: the best model, if the manifest cannot be read or is of a trial which
    the study does not have.
    """
    from sweeps.export.export import ExportRequest
    from sweeps.export.formats import DEFAULT, formats_of

    formats, trial = DEFAULT, None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # a damaged manifest, an extra that is gone
        manifest = _manifest(folder)
        named = tuple(manifest.get("formats", DEFAULT))
        if manifest.get("ensemble"):
            options = ["--ensemble", str(len(_trials(manifest)))]
            if set(named) != set(DEFAULT):
                options += ["--format", ",".join(named)]
            return None, f"export it again: {hint('export', study, *options, '--force')}"
        opened = results.open_study(study)
        known = _trial(opened, *_origin(manifest))
        # a former study of that name had trials of the same numbers
        is_of_study = known is not None and known.value == manifest["value"]
        if is_of_study and manifest["trial"] != results.best(opened).trial:
            trial = manifest["trial"]
        formats_of(named)
        formats = named
    what = "the best model" if trial is None else f"trial {trial}"
    return ExportRequest(study, formats, trial, force=True), f"exports {what} again"


def _export(request: ExportRequest, rows: TakeRows | None) -> None:
    from sweeps.export.export import export

    export(request, rows=rows)
