"""Locks that the kernel takes away when their holder ends, in whatever way: none is ever left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from optuna.storages.journal._file import BaseJournalFileLock


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Be the only one within such a block of this file (made when it is not there yet); others wait."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def present(folder: Path) -> Iterator[Callable[[Callable[[], object]], None]]:
    """Mark a sweep of this study as alive while the block runs.

    The kernel lets go of the mark when the process dies, in whatever way.

    Yields:
        A function that does what it is given, if no other sweep of this study is alive.
    """
    with (folder / "alive").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)

        def if_alone(action: Callable[[], object]) -> None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                action()
            except BlockingIOError:
                pass
            finally:
                fcntl.flock(file, fcntl.LOCK_SH)

        yield if_alone


def is_alive(folder: Path) -> bool:
    """Whether a sweep of this study is running, in whatever process."""
    try:
        with (folder / "alive").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


class JournalLock(BaseJournalFileLock):
    """Lets one process at a time append to a journal.

    Optuna's own locks are files: one that a killed process has left stops all others for 30 seconds.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._held: int | None = None

    def acquire(self) -> bool:
        """Wait for the lock."""
        descriptor = os.open(self._journal, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._held = descriptor
        return True

    def release(self) -> None:
        """Let the next one in."""
        assert self._held is not None
        os.close(self._held)
        self._held = None


#: the byte that is locked by whose turn it is; the marks are below it
_TURN = 2**62


class Marks:
    """By which processes tell what another one still works at: for each work it locks a byte of one file.

    Such locks are a process's: it lets go of all that it has on a file when it closes the file once, so it opens
    it once; and its threads do not wait for one another.
    """

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        self._own: set[int] = set()
        self._turns = 0

    @contextlib.contextmanager
    def mark(self) -> Iterator[int]:
        """A mark that is alive while the block runs, and this process does."""
        mark = secrets.randbelow(_TURN)
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, mark)
        self._own.add(mark)
        try:
            yield mark
        finally:
            self._own.discard(mark)
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, mark)

    def alive(self, mark: int) -> bool:
        """Whether the block of that mark still runs, in whatever process."""
        if mark in self._own:
            return True
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, mark)
        except (BlockingIOError, PermissionError):
            return True
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, mark)
        return False

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only process within such a block; others wait. A block within a block changes nothing."""
        if not self._turns:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, _TURN)
        self._turns += 1
        try:
            yield
        finally:
            self._turns -= 1
            if not self._turns:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, _TURN)

    def close(self) -> None:
        """Let go of the file, and of all marks."""
        os.close(self._descriptor)
