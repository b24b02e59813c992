"""How a sweep is told to end: by Ctrl-C, by SIGTERM, by the closing of its terminal. Once: in order. Twice: at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from sweeps.errors import Interrupted

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: seconds after which a process that was told to end is out, whatever holds it up
PATIENCE = 13

_told: int | None = None
_again = False
_deferred = False
_farewell = ""


def listen(farewell: str) -> None:
    """Handle the signals from now on; for a process that is all ours, the command line's.

    Args:
        farewell: what is said when there is no time for more.
    """
    global _told, _again, _farewell
    _told, _again, _farewell = None, False, farewell
    for signum in ENDING:
        # `nohup` and a shell's background jobs have asked not to be disturbed
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _hear)
    signal.signal(signal.SIGALRM, _leave)
    sys.unraisablehook = _raise_again


def raise_at_once() -> None:
    """Let Ctrl-C, SIGTERM and the closing of the terminal raise, for commands that have no trials to end in order: what
    they have started, a server for instance, is ended by their `finally`."""
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _terminate)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """While the block runs, a first signal is only remembered: it must not tear what is being written."""
    global _deferred
    _deferred = True
    try:
        yield
    finally:
        _deferred = False


def raise_if_interrupted() -> None:
    """Raises:
    Interrupted: a signal has come.
    """
    if _told is not None:
        raise Interrupted("interrupted" if _told == signal.SIGINT else f"ended by {signal.Signals(_told).name}", _told)


@contextlib.contextmanager
def blocked() -> Iterator[None]:
    """Threads and processes that are started within the block never see the signals, which a terminal sends to all."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Have the same handlers after the block, whatever it installs."""
    handlers = {signum: signal.getsignal(signum) for signum in ENDING}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for signum, handler in handlers.items():
                signal.signal(signum, handler)


class _CtrlC(KeyboardInterrupt):
    """Not `KeyboardInterrupt` itself: `python -m` dies of signal 2, whatever is made of one that met code in `exec`
    (a dataclass that is imported), and so has no exit code to give (CPython's `run_eval_code_obj`).
    """


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise _CtrlC


def _terminate(signum: int, frame: FrameType | None) -> None:
    if signum == signal.SIGHUP:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal and its shell send one each
        _write_nowhere()
    raise Interrupted(f"ended by {signal.Signals(signum).name}", signum)


def _write_nowhere() -> None:
    """There is no terminal to write to any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _hear(signum: int, frame: FrameType | None) -> None:
    global _told, _again
    if _told is not None and not _again:
        _leave(signum, frame)
    _told, _again = signum, False
    signal.alarm(PATIENCE)
    if signum == signal.SIGHUP:
        _write_nowhere()
    if not _deferred:
        raise_if_interrupted()


def _raise_again(lost: sys.UnraisableHookArgs) -> None:
    """A signal that is met within a garbage collection raises where nothing can be: once more, a moment later."""
    global _again
    if not isinstance(lost.exc_value, Interrupted) or _told is None:
        sys.__unraisablehook__(lost)
        return
    _again = True
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.05, signal.pthread_kill, (main, _told)).start()


def _leave(signum: int, frame: FrameType | None) -> None:
    """End this process now; its workers end when they see that it is gone."""
    with contextlib.suppress(OSError):
        if sys.stdout.isatty():
            os.write(1, b"\x1b[?25h\n")  # the cursor, which the live table has hidden
        os.write(2, f"sweeps: {_farewell}\n".encode())
    os._exit(128 + (_told or signal.SIGINT))
