"""A study whose records are in a database, so that several machines run trials of it; each has its journal as a copy.

The file `database` in the study's folder says where, without a password. Whoever reads the study reads the copy, which
follows the database; nothing is written to the copy alone. What says who works at what is in the database, too.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeps.errors import InputError
from sweeps.storage.database import Database, key
from sweeps.storage.journal import PLACE, WholeRecords
from sweeps.system import locks, paths
from sweeps.system.atomic_files import atomic_write

#: the file in a study's folder with the address of its database
_ADDRESS = "database"
#: seconds for which what was read is taken for all that there is; a `refresh` waits for no such time
_CURRENT = 1.0


class SharedRecords(WholeRecords):
    """The records of a study in a database, and the journal that is a copy of them."""

    def __init__(self, path: Path, database: Database) -> None:
        super().__init__(path)
        self.address = database.uri
        self._database, self._study = database, path.parent.name
        self._read_at = -_CURRENT
        #: so many lines are in so many bytes of the file, and the last of them
        self._lines, self._bytes, self._last = 0, 0, b""

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """The records that were not read so far; see `WholeRecords`."""
        self._refresh_if_old()
        yield from super().read_logs(log_number_from)

    def refresh(self) -> None:
        """Take over what other machines have written.

        Raises:
            OSError: the file cannot be written, or the database does not answer.
        """
        with self._writing:
            self._write([], sync=False)

    def flush(self) -> None:
        """Let others read what was grouped. Where nothing was, a look at the database now and then finds out that the
        connection is lost, and the locks with it."""
        super().flush()
        self._refresh_if_old()

    def _refresh_if_old(self) -> None:
        if time.monotonic() > self._read_at + _CURRENT:
            self.refresh()

    def _share(self, records: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        with self._path.open("rb") as file:
            file.seek(self._bytes)
            for line in file:
                self._lines, self._bytes, self._last = self._lines + 1, self._bytes + len(line), line
        last = _text(json.loads(self._last)) if self._last else None
        missed = self._database.exchange(self._study, self._lines, [_text(record) for record in records], last)
        self._read_at = time.monotonic()
        return [json.loads(text) for text in missed]


def _text(record: Mapping[str, Any]) -> str:
    """A record as the database has it."""
    return json.dumps({name: value for name, value in record.items() if name != PLACE}, separators=(",", ":"))


class SharedMarks(locks.Marks):
    """Marks as locks in a database.

    After a lost connection a process has its marks again, but not its turn: another one may have its own by then.
    """

    def __init__(self, database: Database, study: str) -> None:
        super().__init__()
        self._database, self._turn = database, key(study, "turn")

    def close(self) -> None:
        """The connection is the process's."""

    def _lock(self, lock: int) -> None:
        if lock == locks.TURN:
            self._database.hold(self._turn, again=False)
        else:
            self._database.hold(lock)

    def _unlock(self, lock: int) -> None:
        self._database.release(self._turn if lock == locks.TURN else lock)

    def _is_free(self, lock: int) -> bool:
        with self._database.alone(lock) as is_free:  # over a new connection, it may be
            return is_free and self._database.is_settled


def records_of(journal: Path) -> WholeRecords:
    """The records of the study whose journal that is; of one in a database, with its copy in the workspace.

    Raises:
        BackendUnreachable: its database does not answer.
    """
    database = database_of(journal.parent)
    if database is None:
        return WholeRecords(journal)
    if not (journal.parent / _ADDRESS).is_file():
        journal.parent.mkdir(parents=True, exist_ok=True)
        _remember(journal.parent, database.uri)
    journal.touch()
    return SharedRecords(journal, database)


def marks_of(folder: Path) -> locks.Marks:
    """Who works at what of the study with that folder; raises as `records_of` does."""
    database = database_of(folder)
    return locks.FileMarks(folder / "working") if database is None else SharedMarks(database, folder.name)


@contextlib.contextmanager
def present(folder: Path) -> Iterator[Callable[[Callable[[], object]], None]]:
    """As `locks.present`, on all machines that have the study."""
    with locks.present(folder) as if_alone:
        database = database_of(folder)
        if database is None:
            yield if_alone
            return
        alive = key(folder.name, "alive")

        def if_alone_everywhere(action: Callable[[], object]) -> None:
            with database.alone(alive) as is_alone:
                if is_alone:
                    if_alone(action)

        database.hold(alive, shared=True)
        try:
            yield if_alone_everywhere
        finally:
            database.release(alive)


def is_alive(folder: Path) -> bool:
    """Whether a sweep of this study is running, on whatever machine."""
    if locks.is_alive(folder):
        return True
    with alone_elsewhere(folder) as is_alone:
        return not is_alone


@contextlib.contextmanager
def alone_elsewhere(folder: Path) -> Iterator[bool]:
    """Whether no other machine runs a sweep of the study; none begins one meanwhile."""
    database = database_of(folder)
    with contextlib.nullcontext(True) if database is None else database.alone(key(folder.name, "alive")) as is_alone:
        yield is_alone


def remove(folder: Path) -> None:
    """Remove the records of a study from its database, if it has one."""
    if (database := database_of(folder)) is not None:
        database.remove(folder.name)


def join(journal: Path, address: str | None) -> None:
    """Use a study of a database in this workspace; nothing is written before a new one is created.

    Args:
        address: None: the study stays where it is; a new one is created in a journal file.

    Raises:
        InputError: the workspace has a study of that name, which is not in this database; or there is no MLflow server
            for all machines.
        BackendUnreachable: the database does not answer.
    """
    folder = journal.parent
    _joined.pop(folder, None)  # of a sweep that has not begun its study
    if address is None:
        return
    known = address_of(folder)
    if known not in (None, address):
        raise InputError(f"study {folder.name!r} is in the storage {known}, not in {address}")
    if known is None and journal.is_file():
        raise InputError(
            f"study {folder.name!r} is in this workspace's journal, not in {address}\n"
            f"sweeps import-journal {folder.name} --storage {address} moves it there"
        )
    if paths.artifact_root() is not None:
        raise InputError(
            "--storage: all machines must record to the same MLflow server; set MLFLOW_TRACKING_URI to its address"
        )
    _joined[folder] = address
    if open_database(address).has(folder.name):
        records_of(journal).refresh()


def move_in(journal: Path, address: str) -> int:
    """Move the records of a study from its journal into a database, and say how many.

    Only for who is alone with the study.

    Raises:
        InputError: the study is in a database already, or the database has another one of that name.
        BackendUnreachable: the database does not answer.
    """
    folder, known = journal.parent, address_of(journal.parent)
    if known is not None:
        raise InputError(f"study {folder.name!r} is in the storage {known} already")
    database, texts = open_database(address), [_text(one) for one in WholeRecords(journal).read_logs(0)]
    with database.alone(key(folder.name, "alive")) as is_alone:
        if not is_alone:
            raise InputError(
                f"the storage {address} was just restarted, or another machine runs a study {folder.name!r} in it\n"
                "Try again in a few seconds"
            )
        there = database.exchange(folder.name, 0, [])
        if there not in ([], texts):  # the same, if the last attempt was cut short
            raise InputError(f"the storage {address} has another study {folder.name!r}")
        if not there:
            database.exchange(folder.name, 0, texts)
        _remember(folder, address)
    return len(texts)


def move_out(journal: Path) -> int:
    """Move the records of a study from its database into its journal, and say how many.

    Only for who is alone with the study.

    Raises:
        InputError: the study is in no database, or another machine runs it.
        BackendUnreachable: the database does not answer.
    """
    folder = journal.parent
    database = database_with(folder)
    with database.alone(key(folder.name, "alive")) as is_alone:
        if not is_alone:
            raise InputError(f"study {folder.name!r}: a sweep of it is running on another machine; wait for its end")
        if database.has(folder.name):  # else the last attempt was cut short
            SharedRecords(journal, database).refresh()
            database.remove(folder.name)
        (folder / _ADDRESS).unlink()
    return len(journal.read_bytes().splitlines())


def address_of(folder: Path) -> str | None:
    """The address of the database that has the study with that folder; None: it has none."""
    try:
        return (folder / _ADDRESS).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return _joined.get(folder)


def database_of(folder: Path) -> Database | None:
    """The database that has the study with that folder; None: it has none.

    Raises:
        BackendUnreachable: it does not answer.
    """
    address = address_of(folder)
    return None if address is None else open_database(address)


def database_with(folder: Path) -> Database:
    """The same of a study that must have one.

    Raises:
        InputError: it has none.
        BackendUnreachable: it does not answer.
    """
    database = database_of(folder)
    if database is None:
        raise InputError(f"study {folder.name!r} is in its journal, in no storage")
    return database


def open_database(address: str) -> Database:
    """The database at an address, which this process opens once."""
    if address not in _open:
        _open[address] = Database(address)
    return _open[address]


def close() -> None:
    """End the connections of this process."""
    while _open:
        _open.popitem()[1].close()


_open: dict[str, Database] = {}
#: the addresses of studies that this process is about to begin
_joined: dict[Path, str] = {}
atexit.register(close)


def _remember(folder: Path, address: str) -> None:
    with atomic_write(folder / _ADDRESS) as file:
        file.write(f"{address}\n".encode())
