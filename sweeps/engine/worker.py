"""Workers seen from Dask: their environment, what each does once, and how its nanny stops or kills it."""

from __future__ import annotations

import os
import random
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import dask.sizeof
import distributed.comm.core
import distributed.utils_comm

from sweeps.engine.tasks import warm_up_soon
from sweeps.system import worker_process
from sweeps.system.signals import ENDING

if TYPE_CHECKING:
    from distributed import Nanny, Worker


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
    prepare(worker)
    os.environ["TMPDIR"] = worker.local_directory
    # libraries write to the file descriptors themselves: over the live table, if they were let
    worker_process.redirect(Path(os.devnull))
    warm_up_soon()  # while the client opens the stores


def prepare(worker: Worker) -> None:
    """What each worker needs, whoever has started it.

    Raises:
        ValueError: it is not called in the main thread, so that the signal to stop is not heard; the rest is done.
    """
    # Dask's own thread draws from Python's global generator while a trial is built from it: no two runs of a seed
    # would be alike
    for module in (dask.sizeof, distributed.comm.core, distributed.utils_comm):
        module.random = random.Random()
    # what a killed process leaves of its temporary files Dask clears away, with the rest of the worker's folder
    tempfile.tempdir = worker.local_directory
    signal.signal(signal.SIGUSR1, lambda signum, frame: worker_process.request_stop())


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
