"""What processes that were killed have left lying in a study's folder and beside its export."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sweeps.doctor.finding import Finding
from sweeps.study import journal as journals
from sweeps.system import paths
from sweeps.system.atomic_files import is_left


def check_files(journal: Path) -> Iterator[Finding]:
    """Files that only a running sweep has a use for, and what one tore; only where none is running.

    The lock comes first: whoever writes to the journal waits half a minute for its holder.
    """
    folder, study = journal.parent, journal.parent.name
    for path in sorted(folder.glob("*.lock*")):
        yield Finding(str(path), "a lock that nobody holds", "removes it", partial(_remove, path))
    if torn := journals.torn(journal):
        what, remedy = f"ends in a torn record of {torn} bytes", "cuts it off; the file as it was stays as .bak"
        yield Finding(str(journal), what, remedy, partial(journals.repair, journal))
    export = paths.export_folder(study)
    # as `files.new_folder` names them; another study's name may begin as this one's does
    pattern = re.compile(re.escape(f".{export.name}-") + r"\w{8}(-old)?")
    temporary = [path for path in export.parent.glob(".*") if pattern.fullmatch(path.name) and is_left(path)]
    for path in sorted(temporary, reverse=True):
        if path.name.endswith("-old") and not export.exists():
            yield Finding(str(path), "the export, put aside", "puts it back", partial(path.rename, export))
        else:
            yield Finding(str(path), "left of an export", "removes it", partial(_remove, path))
    for path in sorted(folder.rglob(".*")):
        yield Finding(str(path), "a temporary file", "removes it", partial(_remove, path))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
