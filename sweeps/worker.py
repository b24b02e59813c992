"""What a worker process does once: threads, imports, its log; and how it is asked to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

_stop = threading.Event()
_log: Path | None = None


def environment(threads: int) -> dict[str, str]:
    """The environment of a slot's process: `threads` of its own, so that slots do not fight for the cores."""
    return {
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_ENABLE_DEPRECATION_WARNINGS": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    }


def dask_setup(worker: object) -> None:
    """Run by Dask in each new worker process, before it takes tasks.

    Ctrl-C reaches every process of the terminal's group; that running trials are to be ended in order is
    the client's decision, so workers do not listen to it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # libraries write to the file descriptors themselves: over the live table, if they were let
    _redirect(Path(os.devnull))


def log_to(file: Path) -> None:
    """From now on what this process writes goes to the end of `file`."""
    global _log
    if _log != file:
        _redirect(file)
        _log = file


def _redirect(file: Path) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def request_stop() -> None:
    """Running trials end at their next epoch, and new ones do not begin."""
    _stop.set()


def stop_requested() -> bool:
    """Whether running trials are to end."""
    return _stop.is_set()
