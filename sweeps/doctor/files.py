"""Files that killed processes left behind: in the study's folder, beside its export, and in the spool."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sweeps.doctor.finding import Finding, StudyContext
from sweeps.storage import journal as journals
from sweeps.system import paths
from sweeps.system.atomic_files import is_left
from tracking.spool import abandoned_folders, send_run, unsent_runs


def check_files(journal: Path) -> Iterator[Finding]:
    """Find stale locks, a torn journal and temporary files; only call this while no sweep of the study runs.

    Locks come first: writing to the journal waits half a minute for the holder of its lock.
    """
    folder = journal.parent
    for path in sorted(folder.glob("*.lock*")):
        yield _removable(path, "a stale lock")
    if torn := journals.torn(journal):
        what, remedy = f"ends in a torn record of {torn} bytes", "cuts it off and keeps the former file as .bak"
        yield Finding(str(journal), what, remedy, partial(journals.repair, journal))
    confirming = folder / paths.CONFIRM
    if folder.name != paths.CONFIRM or journal == paths.journal(paths.CONFIRM):
        yield from _check_export_folder(paths.export_folder(folder.name))
    for path in sorted(folder.rglob(".*")):
        if confirming not in path.parents:  # another process may be at work there
            yield _removable(path, "a temporary file")


def _check_export_folder(export: Path) -> Iterator[Finding]:
    # the names that `atomic_files.new_folder` gives; another study's name may begin with this one's
    pattern = re.compile(re.escape(f".{export.name}-") + r"\w{8}(-old)?")
    temporary = [path for path in export.parent.glob(".*") if pattern.fullmatch(path.name) and is_left(path)]
    for path in sorted(temporary, reverse=True):
        if path.name.endswith("-old") and not export.exists():
            yield Finding(
                str(path), "a replaced export without its successor", "restores it", partial(path.rename, export)
            )
        else:
            yield _removable(path, "left over from an export")


def check_spool(context: StudyContext) -> Iterator[Finding]:
    """Find what was not sent to MLflow because the store was unavailable; a running sweep sends it itself."""
    if context.alive:
        return
    for run_id in unsent_runs(context.store):
        what = "its end has not been sent to MLflow yet"
        yield Finding(f"run {run_id}", what, "sends it", partial(send_run, context.store, run_id))
    for folder in abandoned_folders(context.store):
        yield _removable(folder, "left over from a trial's model")


def _removable(path: Path, what: str) -> Finding:
    return Finding(str(path), what, "removes it", partial(_remove, path))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
