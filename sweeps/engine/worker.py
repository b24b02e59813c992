"""What a worker process does once: threads, imports, its log; and how it is asked to stop."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import dask.sizeof
import distributed.comm.core
import distributed.utils_comm

from sweeps.system.signals import ENDING

if TYPE_CHECKING:
    from distributed import Nanny, Worker

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


def dask_setup(worker: Worker) -> None:
    """Run by Dask in each new worker process, before it takes tasks.

    Ctrl-C and the closing of a terminal reach every process of its group, a batch system's SIGTERM all of a job's;
    that running trials are to be ended in order is the client's decision, so workers do not listen.
    """
    for signum in ENDING:
        signal.signal(signum, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, lambda signum, frame: _stop.set())
    # Dask's own thread draws from Python's global generator while a trial is built from it: no two runs of a seed
    # would be alike
    for module in (dask.sizeof, distributed.comm.core, distributed.utils_comm):
        module.random = random.Random()
    # what a killed process leaves of its temporary files Dask clears away, with the rest of the worker's folder
    tempfile.tempdir = os.environ["TMPDIR"] = worker.local_directory
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


async def kill(dask_worker: Nanny, again: bool = True) -> None:
    """Run in a worker's nanny: end the worker's process, which may hang or be stopped, and see it gone.

    Args:
        again: let the nanny start another one.
    """
    if not again:
        dask_worker.close_gracefully()
    if dask_worker.process is not None and (process := dask_worker.process.process) is not None:
        await process.kill()
        await process.join(5)


def request_stop(dask_worker: Nanny) -> None:
    """Run in a worker's nanny: its running trial ends at the next epoch, and no new one begins.

    A signal, since it waits for a process that is stopped, while who asked by Dask would wait for its answer.
    """
    if dask_worker.pid is not None:
        os.kill(dask_worker.pid, signal.SIGUSR1)


def stop_requested() -> bool:
    """Whether running trials are to end, and no more to begin."""
    return _stop.is_set()


def send(topic: str, event: object) -> None:
    """Tell whoever watches the sweep, by the fields of a value object; outside of a worker nobody does."""
    from distributed import get_worker

    with contextlib.suppress(ValueError):
        get_worker().log_event(topic, vars(event))
