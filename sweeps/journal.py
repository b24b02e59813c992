"""The journal of a study: Optuna's file, in which no record is ever torn."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import get_lock_file

from sweeps.locks import JournalLock


class WholeRecords(JournalFileBackend):
    """Optuna's journal file, in which an append leaves whole records or nothing.

    Optuna reads over a torn last line, but appends to it, and from then on cannot read the file any more. So what
    a full disk let through of a record is taken back, and what a process that died in mid-write left is cut off
    before the next append.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path.absolute()), lock_obj=JournalLock(path.absolute()))

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append the records, synced.

        Raises:
            OSError: they cannot be written; the file is as it was.
        """
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        path = Path(self._file_path)
        with get_lock_file(self._lock), path.open("ab", buffering=0) as file:
            end = file.tell()
            if end and not _ends_whole(path):
                _cut(path)
                end = path.stat().st_size
            try:
                # an unbuffered write may take a part only, and says so on the next call
                while text:
                    text = text[file.write(text) :]
                os.fsync(file.fileno())
            except OSError as error:
                os.truncate(path, end)
                raise OSError(error.errno, error.strerror, str(path)) from None


def torn(journal: Path) -> int:
    """How many bytes at the end of the journal are no whole record."""
    if not journal.is_file():
        return 0
    content = journal.read_bytes()
    return len(content) - content.rfind(b"\n") - 1


def mend(journal: Path) -> str | None:
    """Cut off what a process that died in mid-write left of its last record, and say so; the file as it was stays
    beside it as `journal.log.bak`."""
    if not torn(journal):
        return None
    with get_lock_file(JournalLock(journal)):
        return _cut(journal)


def _ends_whole(journal: Path) -> bool:
    with journal.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _cut(journal: Path) -> str | None:
    """See `mend`; for who holds the lock."""
    rest = torn(journal)
    if not rest:
        return None
    backup = journal.with_name(journal.name + ".bak")
    shutil.copyfile(journal, backup)
    os.truncate(journal, journal.stat().st_size - rest)
    return f"the journal ended in a torn record; {rest} bytes were cut off, the former file: {backup}"
