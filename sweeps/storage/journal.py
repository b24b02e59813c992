"""The journal of a study: Optuna's file, in which no record is ever torn."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock, get_lock_file
from optuna.storages.journal._storage import JournalOperation

from sweeps.system.locks import exclusive

#: seconds until records that are grouped are written
_SOON = 0.05
#: what is written about trials that this process has begun: in which order among those of others means nothing
_OF_OWN_TRIALS = frozenset(
    {
        JournalOperation.SET_TRIAL_PARAM,
        JournalOperation.SET_TRIAL_INTERMEDIATE_VALUE,
        JournalOperation.SET_TRIAL_USER_ATTR,
        JournalOperation.SET_TRIAL_SYSTEM_ATTR,
    }
)

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

    While records are `grouped`, those that only this process writes, since they are about its own trials, are known to
    it at once and written together, soon; a trial's beginning and end are written at once, with all that was to be
    written before them.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path.absolute()), lock_obj=JournalLock(path.absolute()))
        #: of the database of which the file is a copy
        self.address: str | None = None
        self._path, self._place, self._line = path.absolute(), 0, 0
        self._writing = threading.RLock()
        self._grouped = False
        #: records of this process that its storage has not read, and that are not in the file
        self._unread: deque[dict[str, Any]] = deque()
        self._unwritten: list[dict[str, Any]] = []
        #: parts of the file with records that the storage has read before they were written, as begin and end
        self._known: deque[tuple[int, int]] = deque()

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """The records that were not read so far, without a torn last line.

        Args:
            log_number_from: 0 for all.

        Raises:
            ValueError: a line is no record, or not where it was written: others are lost, changed or there twice.
        """
        if log_number_from == 0:
            self._place = self._line = 0
        with self._writing, self._path.open("rb") as file:
            while self._unread:
                yield self._unread.popleft()
            file.seek(self._place)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                begin, self._place, self._line = self._place, self._place + len(line), self._line + 1
                if self._is_known(begin):
                    continue
                try:
                    yield _record(line, begin, self._line)
                except ValueError:
                    self._place, self._line = begin, self._line - 1
                    raise

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append the records, synced; those that are grouped soon.

        Raises:
            OSError: they cannot be written, or others were not; the file is as it was.
        """
        with self._writing:
            if self._grouped and all(log["op_code"] in _OF_OWN_TRIALS for log in logs):
                # as other processes will read them; what JSON cannot hold concerns this call alone
                logs = json.loads(json.dumps(logs))
                self._unread.extend(logs)
                self._unwritten.extend(logs)
            else:
                self._write(logs, sync=True)

    @contextlib.contextmanager
    def grouped(self) -> Iterator[None]:
        """Group records while the block runs."""
        ended = threading.Event()

        def write_soon() -> None:
            while not ended.wait(_SOON):
                with contextlib.suppress(OSError):  # whoever appends next gets it
                    self.flush()

        self._grouped = True
        thread = threading.Thread(target=write_soon, name="journal", daemon=True)
        thread.start()
        lost: tuple[type[OSError], ...] = (OSError,)  # where the block ends by an error, that one is told
        try:
            yield
            lost = ()
        finally:
            self._grouped = False
            ended.set()
            thread.join()
            with contextlib.suppress(*lost):
                self.flush()

    def refresh(self) -> None:
        """Know what others have written; of a file each reading does."""

    def flush(self) -> None:
        """Let other processes read what was grouped.

        Raises:
            OSError: it cannot be written.
        """
        with self._writing:
            if self._unwritten:
                self._write([], sync=False)

    def _write(self, logs: list[dict[str, Any]], sync: bool) -> None:
        """Append what was grouped, and these records."""
        with get_lock_file(self._lock), self._path.open("ab", buffering=0) as file:
            end = file.tell()
            if end and not _ends_whole(self._path):
                _cut(self._path)
                end = self._path.stat().st_size
            before = list(self._unwritten)
            missed = b"".join(_lines(self._share([*before, *logs]), end))
            if self.address is not None:  # whatever becomes of the copy
                self._unwritten.clear()
            end += len(missed)
            grouped = b"".join(_lines(before, end))
            text = missed + grouped + b"".join(_lines(logs, end + len(grouped)))
            try:
                # an unbuffered write may take a part only, and says so on the next call
                while text:
                    text = text[file.write(text) :]
                if sync:
                    os.fsync(file.fileno())
            except OSError as error:
                os.truncate(self._path, end - len(missed))
                raise OSError(error.errno, error.strerror, str(self._path)) from None
        if grouped:
            self._known.append((end, end + len(grouped)))
            self._unwritten.clear()

    def _share(self, records: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """Give records to whoever keeps them too, who has the lock of the file; those that the file lacks before
        them."""
        return ()

    def _is_known(self, place: int) -> bool:
        while self._known and place >= self._known[0][1]:
            self._known.popleft()
        return bool(self._known) and place >= self._known[0][0]


def _record(line: bytes, begin: int, number: int) -> dict[str, Any]:
    """The record of a line.

    Raises:
        ValueError: it is none, or not where it was written.
    """
    try:
        record = json.loads(line)
    except ValueError as wrong:
        raise ValueError(f"line {number} is no JSON: {wrong}") from None
    if not isinstance(record, dict) or "op_code" not in record:
        raise ValueError(f"line {number} is no record of a study")
    if record.get(PLACE, begin) != begin:
        raise ValueError(f"line {number} is not where it was written: lines before it are lost or changed")
    return record


class ReadOnly(WholeRecords):
    """A journal that is only read."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Raises: PermissionError: always."""
        raise PermissionError(f"{self._file_path} is only read here")


def _lines(logs: Sequence[dict[str, Any]], begin: int) -> Iterator[bytes]:
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
