"""The journal of a study: Optuna's file, in which no record is ever torn."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock, get_lock_file

from sweeps.system.locks import exclusive

#: in a record, where in the file its line begins: a lost line shows by the next one
PLACE = "at"


class JournalLock(BaseJournalFileLock):
    """Lets one process at a time append to a journal.

    Optuna's own locks are files: one that a killed process has left stops all others for 30 seconds.
    """

    def __init__(self, journal: Path) -> None:
        self._journal, self._held = journal, contextlib.ExitStack()

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._held.enter_context(exclusive(self._journal))
        return True

    def release(self) -> None:
        """Let the next one in."""
        self._held.close()


class WholeRecords(JournalFileBackend):
    """Optuna's journal file, in which an append leaves whole records or nothing.

    Optuna reads over a torn last line, but appends to it, and from then on cannot read the file any more. So what
    a full disk let through of a record is taken back, and what a process that died in mid-write left is cut off
    before the next append.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path.absolute()), lock_obj=JournalLock(path.absolute()))

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """The records from that one on, without a torn last line.

        Raises:
            ValueError: a line is no record, or not where it was written: others are lost, changed or there twice.
        """
        number = log_number_from if log_number_from in self._log_number_offset else 0
        begin = self._log_number_offset[number]
        with Path(self._file_path).open("rb") as file:
            file.seek(begin)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                number += 1
                try:
                    record = json.loads(line)
                except ValueError as wrong:
                    raise ValueError(f"line {number} is no JSON: {wrong}") from None
                if not isinstance(record, dict) or "op_code" not in record:
                    raise ValueError(f"line {number} is no record of a study")
                if record.get(PLACE, begin) != begin:
                    raise ValueError(f"line {number} is not where it was written: lines before it are lost or changed")
                begin = self._log_number_offset[number] = begin + len(line)
                if number > log_number_from:
                    yield record

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append the records, synced.

        Raises:
            OSError: they cannot be written; the file is as it was.
        """
        path = Path(self._file_path)
        with get_lock_file(self._lock), path.open("ab", buffering=0) as file:
            end = file.tell()
            if end and not _ends_whole(path):
                _cut(path)
                end = path.stat().st_size
            text = b"".join(_lines(logs, end))
            try:
                # an unbuffered write may take a part only, and says so on the next call
                while text:
                    text = text[file.write(text) :]
                os.fsync(file.fileno())
            except OSError as error:
                os.truncate(path, end)
                raise OSError(error.errno, error.strerror, str(path)) from None


class ReadOnly(WholeRecords):
    """A journal that is only read."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Raises: PermissionError: always."""
        raise PermissionError(f"{self._file_path} is only read here")


def _lines(logs: list[dict[str, Any]], begin: int) -> Iterator[bytes]:
    """The records, each with the place that its line begins at."""
    for log in logs:
        line = json.dumps({**log, PLACE: begin}, separators=(",", ":")).encode() + b"\n"
        begin += len(line)
        yield line


def torn(journal: Path) -> int:
    """How many bytes at the end of the journal are no whole record."""
    if not journal.is_file():
        return 0
    content = journal.read_bytes()
    return len(content) - content.rfind(b"\n") - 1


def repair(journal: Path) -> str | None:
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
    """See `repair`; for who holds the lock."""
    rest = torn(journal)
    if not rest:
        return None
    backup = journal.with_name(journal.name + ".bak")
    shutil.copyfile(journal, backup)
    os.truncate(journal, journal.stat().st_size - rest)
    return f"the journal ended in a torn record; {rest} bytes were cut off, the former file: {backup}"
