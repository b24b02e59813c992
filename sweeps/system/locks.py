"""Locks that the kernel takes away when their holder ends, in whatever way: none is ever left behind.

They are `flock` on the file or folder in question. The package `filelock` locks a separate file, which it truncates:
no folder, no journal, and nothing that several processes share, as they do the mark of `present`. `FileMarks` are
byte ranges of one file, which no library offers.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Be the only one within such a block of this folder or file (made when it is not there yet); others wait."""
    with _opened(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def exclusive_if_free(path: Path) -> Iterator[bool]:
    """As `exclusive`, without waiting: whether no other process is within such a block."""
    with _opened(path) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_free = True
        except BlockingIOError:
            is_free = False
        yield is_free


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield descriptor
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


#: a mark is a number below it, and it is the lock of whose turn it is
TURN = 2**62


class Marks(ABC):
    """By which processes tell what another one still works at: for each work it has a lock, of whatever kind."""

    def __init__(self) -> None:
        self._own: set[int] = set()
        self._turns = 0
        self._of_threads = threading.RLock()  # a lock of a process does not keep its threads apart

    @contextlib.contextmanager
    def mark(self) -> Iterator[int]:
        """A mark that is alive while the block runs, and this process does."""
        mark = secrets.randbelow(TURN)
        self._lock(mark)
        self._own.add(mark)
        try:
            yield mark
        finally:
            self._own.discard(mark)
            self._unlock(mark)

    def alive(self, mark: int) -> bool:
        """Whether the block of that mark still runs, in whatever process."""
        return mark in self._own or not self._is_free(mark)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only thread of all processes within such a block; others wait. A block within a block changes
        nothing."""
        with self._of_threads:
            if not self._turns:
                self._lock(TURN)
            self._turns += 1
            try:
                yield
            finally:
                self._turns -= 1
                if not self._turns:
                    self._unlock(TURN)

    @abstractmethod
    def close(self) -> None:
        """Let go of all that it has opened."""

    @abstractmethod
    def _lock(self, lock: int) -> None:
        """Wait for a lock."""

    @abstractmethod
    def _unlock(self, lock: int) -> None:
        """Let go of a lock."""

    @abstractmethod
    def _is_free(self, lock: int) -> bool:
        """Whether no process has a lock."""


class FileMarks(Marks):
    """Marks as locked bytes of one file.

    A process lets go of all that it has locked in a file when it closes the file once, so this opens it once.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)

    def close(self) -> None:
        """Let go of the file, and of all marks."""
        os.close(self._descriptor)

    def _lock(self, lock: int) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, lock)

    def _unlock(self, lock: int) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, lock)

    def _is_free(self, lock: int) -> bool:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, lock)
        except (BlockingIOError, PermissionError):
            return False
        self._unlock(lock)
        return True
