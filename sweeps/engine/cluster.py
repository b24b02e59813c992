"""The slots: Dask workers on this machine, one process each, one task at a time."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterator

import dask
import distributed.utils
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster
from distributed.system import MEMORY_LIMIT

from sweeps.config import LEAST_MEMORY
from sweeps.engine import forkserver, standby, worker
from sweeps.engine.nanny import ObservantNanny
from sweeps.engine.standby import Crew, Settings
from sweeps.errors import BackendUnreachable, Interrupted, SweepError
from sweeps.system import signals

#: what Dask raises where a process ends while it starts, a folder cannot be written, or one of its settings is wrong
_CANNOT_START = (RuntimeError, OSError, ValueError, TypeError, KeyError)

#: seconds between two looks at whether the workers that were started are there
_GROWTH_INTERVAL = 0.1

#: Dask's configuration
SLOTS = {
    "distributed.comm.timeouts.connect": "60s",
    # a task whose worker died is not run again as it was: it is the trial that is tried again
    "distributed.scheduler.allowed-failures": 0,
    # Dask measures it by the clock of the wall, which may be moved; a worker's death its nanny sees
    "distributed.scheduler.worker-ttl": None,
    # on a busy machine a worker takes longer than Dask's 15 s to start again; one that is closed for it the dispatcher
    # replaces
    "distributed.deploy.lost-worker-timeout": "30s",
    "distributed.worker.profile.enabled": False,
    # takes back copies of a data set that was sent to all workers, which then fetch it again
    "distributed.scheduler.active-memory-manager.start": False,
    # a build function may hold data; the advice that Dask gives is for its own users
    "distributed.admin.large-graph-warning-threshold": "1 TB",
    # nobody looks at what Dask measures of itself: 50 times a second, in every process, of the cores that train
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    # a worker with one task and no results to keep has nothing to put aside: paused, it would never go on
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
}


@contextlib.contextmanager
def slots(jobs: int, memory: int | None = None, share: int | None = None) -> Iterator[Client]:
    """A client of local worker processes that share the machine among them: at first one, soon `jobs`.

    They wait for the next sweep of this process when the block ends in order.

    Args:
        memory: bytes that each may have (None: its share of the machine's); one that takes more is ended, and
            another one started.
        share: into how many the machine is divided, if not into `jobs`.

    Raises:
        BackendUnreachable: a worker process ended while it was started, or its address space is too small.
    """
    method = forkserver.start()
    distributed.utils._forkserver_preload_set = True  # else Dask replaces what the fork server imports
    threads = max(1, CPU_COUNT // (share or jobs))
    memory = memory or max(MEMORY_LIMIT // (share or jobs), LEAST_MEMORY)
    settings = Settings(method, threads, memory)
    with (
        dask.config.set(SLOTS | {"distributed.worker.multiprocessing-method": method}),
        main_hidden(),
        _crew(settings) as client,
        _growing(client.cluster, jobs),
    ):
        yield client


@contextlib.contextmanager
def _crew(settings: Settings) -> Iterator[Client]:
    """A client of workers that wait, or of one that is started; they wait again when the block ends in order."""
    with signals.blocked():
        crew, client = _joined(settings)
    in_order = False
    try:
        with client.as_current():
            yield client
        in_order = True
    except SweepError as error:
        in_order = not isinstance(error, Interrupted)
        raise
    finally:
        in_order = in_order and crew.leave(client)
        client.close()
        if in_order:
            standby.put(crew)
        else:
            crew.close()


def _joined(settings: Settings) -> tuple[Crew, Client]:
    if (waiting := standby.take(settings)) is not None:
        client = waiting.client()
        if waiting.enter(client):
            return waiting, client
        client.close()
        waiting.close()
    cluster = _cluster(settings)
    crew = Crew(cluster, settings, dict(os.environ))  # as Dask leaves it
    client = crew.client()
    crew.enter(client)  # for those that come later; if the first has just died, the dispatcher waits for the next
    return crew, client


@contextlib.contextmanager
def _growing(cluster: LocalCluster, jobs: int) -> Iterator[None]:
    """Start as many workers at a time as there are cores, while those that are there work, until there are `jobs`."""
    ended = threading.Event()

    def grow() -> None:
        while not ended.wait(_GROWTH_INTERVAL) and (begun := len(cluster.worker_spec)) < jobs:
            if len(cluster.scheduler_info["workers"]) >= begun:
                cluster.scale(min(begun + CPU_COUNT, jobs))

    thread = threading.Thread(target=grow, name="more workers", daemon=True)
    with signals.blocked():
        thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _cluster(settings: Settings) -> LocalCluster:
    try:
        return LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            worker_class=ObservantNanny,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            memory_limit=settings.memory,
            # a forked process has the environment of the one that it was forked from
            env=os.environ | worker.environment(settings.threads),
            preload="sweeps.engine.worker",
        )
    except _CANNOT_START as error:
        cause = error.__cause__ or error
        reason = (str(cause).splitlines() or [""])[0] or type(cause).__name__
        raise BackendUnreachable(
            f"the workers could not be started: {reason}\n"
            "Look at Dask's settings (DASK_…, ~/.config/dask), the temporary folder (TMPDIR) and the memory"
        ) from None


@contextlib.contextmanager
def main_hidden() -> Iterator[None]:
    """While the block runs, new worker processes do not run the main script.

    Python's `multiprocessing` would have each of them import it, and a script without
    `if __name__ == "__main__":` would begin its search anew in there. What trials need of it
    is sent by value.
    """
    main = sys.modules["__main__"]
    kept = {name: vars(main)[name] for name in ("__file__", "__spec__") if name in vars(main)}
    for name in kept:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(main, name, value)
