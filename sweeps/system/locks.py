"""Locks that the kernel takes away when their holder ends, in whatever way: none is ever left behind.

They are `flock` on the file or folder in question. The package `filelock` locks a separate file, which it truncates:
no folder, no journal, and nothing that several processes share, as they do the mark of `present`. `Marks` are byte
ranges of one file, which no library offers.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import threading
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


#: the byte that is locked by whose turn it is; the marks are below it
_TURN = 2**62


class Marks:
    """By which processes tell what another one still works at: for each work it locks a byte of one file.

    Such locks are a process's: it lets go of all that it has on a file when it closes the file once, so it opens
    it once; and its threads would not wait for one another, so a turn is a lock of theirs, too.
    """

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        self._own: set[int] = set()
        self._turns = 0
        self._of_threads = threading.RLock()

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
        """Be the only thread of all processes within such a block; others wait. A block within a block changes
        nothing."""
        with self._of_threads:
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
