"""Checkpoints of a study that several machines share: in this driver's folder, and as copies in the database."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from sweeps.storage import shared
from sweeps.storage.checkpoint_table import CheckpointTable
from sweeps.storage.database import Database
from sweeps.system.paths import CHECKPOINTS
from sweeps.trial.checkpoint import Checkpoints, decoded

#: seconds between two copies of a checkpoint at least, and the largest share of the time that copying may take
_INTERVAL, _SHARE = 5.0, 0.2
#: seconds that the last copies may take when a sweep ends
_LAST_COPIES = 5.0
#: the largest checkpoint that is copied, in bytes: a message to PostgreSQL has at most a gigabyte
LARGEST = 256 * 2**20
#: for which file was copied: one that was tried to be
_PERHAPS = -1

logger = logging.getLogger(__name__)


class SharedCheckpoints(Checkpoints):
    """Checkpoints in a folder, those of this driver's running trials also in the study's database.

    A driver that dies takes at most the last seconds of its trials with it, wherever they are tried again.

    Args:
        table: for this process's turns.
        copies: of a connection of its own, so that a large copy lets nothing else wait.
    """

    def __init__(self, folder: Path, table: CheckpointTable, copies: CheckpointTable) -> None:
        super().__init__(folder)
        self._table, self._copies = table, copies
        #: of the trials that this driver has, by the first attempt's number: the attempt, and which file was copied
        #: (0: none)
        self._followed: dict[int, tuple[int, int]] = {}
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._refused: set[int] = set()

    def begin(self, number: int, attempt: int) -> None:
        """See `Checkpoints.begin`."""
        copied = 0
        if attempt != number and _take_further(self, self._table, number):
            copied = self._version(number)
        with self._lock:
            self._followed[number] = attempt, copied

    def keep(self, numbers: Collection[int]) -> None:
        """See `Checkpoints.keep`."""
        super().keep(numbers)
        self._table.keep(numbers)

    def forget(self, number: int) -> None:
        """See `Checkpoints.forget`."""
        with self._lock:
            attempt, copied = self._followed.pop(number, (-1, 1))
        super().forget(number)
        if copied or attempt != number:  # a short trial's has no copy
            self._table.remove(number)

    @contextlib.contextmanager
    def copied(self) -> Iterator[None]:
        """Copy the checkpoints of running trials while the block runs."""
        thread = threading.Thread(target=self._copy_until_end, name="checkpoint copies", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(_LAST_COPIES)

    def _copy_until_end(self) -> None:
        pause = _INTERVAL
        while not self._ended.wait(pause):
            began = time.monotonic()
            self._copy()
            pause = max(_INTERVAL, (time.monotonic() - began) / _SHARE)
        self._copy()

    def _copy(self) -> None:
        with self._lock:
            followed = dict(self._followed)
        for number, (attempt, copied) in followed.items():
            version = self._version(number)
            if version in (0, copied) or self._is_too_large(number, attempt):
                continue
            with self._lock:
                if self._followed.get(number) != (attempt, copied):
                    continue  # it has ended, or begun anew
                self._followed[number] = attempt, version
            try:
                if (content := self.content(number)) is not None:
                    self._copies.put(number, attempt, content)
                if self._version(number) == 0:  # forgotten meanwhile
                    self._copies.remove(number)
            except OSError as error:
                logger.warning("The checkpoint of trial %d is not copied to the storage: %s", attempt, error)
                with self._lock:
                    if number in self._followed:
                        self._followed[number] = attempt, _PERHAPS
                return

    def _is_too_large(self, number: int, attempt: int) -> bool:
        with contextlib.suppress(FileNotFoundError):
            size = self._path(number).stat().st_size
            if size > LARGEST and number not in self._refused:
                self._refused.add(number)
                logger.warning(
                    "The checkpoint of trial %d has %d MB and is not copied to the storage, which takes %d MB",
                    attempt,
                    size >> 20,
                    LARGEST >> 20,
                )
            return size > LARGEST
        return False

    def _version(self, number: int) -> int:
        """Which file it is: 0 where there is none."""
        try:
            return self._path(number).stat().st_mtime_ns
        except FileNotFoundError:
            return 0


@contextlib.contextmanager
def checkpoints_of(study: Path) -> Iterator[Checkpoints]:
    """The checkpoints of the study with that folder, copied to its database, if it has one, while the block runs.

    Raises:
        BackendUnreachable: the database does not answer.
    """
    database, folder = shared.database_of(study), study / CHECKPOINTS
    if database is None:
        yield Checkpoints(folder)
        return
    with contextlib.closing(Database(database.uri)) as connection:
        tables = [CheckpointTable(one, study.name) for one in (database, connection)]
        checkpoints = SharedCheckpoints(folder, *tables)
        with checkpoints.copied():
            yield checkpoints


def to_database(study: Path) -> None:
    """Copy all checkpoints in the study's folder to its database; for who is alone with it."""
    table = _table_of(study)
    for path in (study / CHECKPOINTS).glob("[0-9]*.checkpoint"):
        number, content = int(path.stem), path.read_bytes()
        if len(content) <= LARGEST:
            table.put(number, number, content)


def to_folder(study: Path) -> None:
    """Copy all checkpoints in the study's database to its folder; for who is alone with it."""
    table, checkpoints = _table_of(study), Checkpoints(study / CHECKPOINTS)
    for number in table.numbers():
        _take_further(checkpoints, table, number)


def _take_further(checkpoints: Checkpoints, table: CheckpointTable, number: int) -> bool:
    """Replace a trial's checkpoint by the copy of it, if that has come further; whether it has."""
    content = table.content(number)
    if content is None or _progress(content) <= _progress(checkpoints.content(number)):
        return False
    checkpoints.put(number, content)
    return True


def _progress(content: bytes | None) -> tuple[int, ...]:
    """How far a training had come: rounds, calls of `fit`, epochs; () for what cannot be read."""
    try:
        state = decoded(content or b"")
        return len(state.get("rounds", ())), state["call"], state.get("epoch", 0)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def _table_of(study: Path) -> CheckpointTable:
    return CheckpointTable(shared.database_with(study), study.name)
