"""This process as a worker: whether it is asked to stop, where its output goes, and events for the driver."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path

_stop = threading.Event()
_log: Path | None = None


def request_stop() -> None:
    """The running trial ends at its next epoch, and no new one begins."""
    _stop.set()


def withdraw_stop() -> None:
    """New trials may begin again."""
    _stop.clear()


def stop_requested() -> bool:
    """Whether running trials are to end, and no more to begin."""
    return _stop.is_set()


def log_to(file: Path) -> None:
    """From now on what this process writes goes to the end of `file`."""
    global _log
    if _log != file:
        redirect(file)
        _log = file


def leave_log() -> None:
    """What this process writes is lost from now on, if it went to a file of `log_to`."""
    if _log is not None:
        log_to(Path(os.devnull))


def redirect(file: Path) -> None:
    """Standard output and standard error go to the end of `file`, those of libraries written in C++, too."""
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def send(topic: str, event: object) -> None:
    """Send an event, as the fields of a value object, to the driver; outside of a worker do nothing."""
    from distributed import get_worker

    with contextlib.suppress(ValueError):
        get_worker().log_event(topic, vars(event))
