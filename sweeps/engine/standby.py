"""Workers that wait for the next sweep of this process, which begins without their start and their rehearsal.

One cluster waits at most. It ends with this process, however that ends, or when nobody has come for it for a while.
A process that is forked from this one has no part in it.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing.process
import os
import signal
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import distributed.utils
from distributed import Client, LocalCluster, SpecCluster, Worker, WorkerPlugin, wait
from distributed.core import Status

from sweeps.engine import reuse
from sweeps.engine.tasks import DataSoon
from sweeps.system.signals import ENDING

#: seconds that workers wait for another sweep, and that one gets to forget the last
IDLE, PATIENCE = 600.0, 5.0


@dataclass(frozen=True)
class Settings:
    """What is fixed when worker processes are started.

    Attributes:
        method: as `multiprocessing` calls it.
        threads: of each process.
        memory: bytes that each may have.
    """

    method: str
    threads: int
    memory: int


@dataclass(eq=False)
class Crew:
    """Worker processes of this machine, from one sweep to the next.

    Attributes:
        environment: of this process when they were started.
    """

    cluster: LocalCluster
    settings: Settings
    environment: Mapping[str, str] = field(repr=False)
    _changed: set[str] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        _crews.add(self)

    def client(self) -> Client:
        """One more client of the workers."""
        return Client(self.cluster, set_as_default=False)

    def enter(self, client: Client) -> bool:
        """Have the workers, and those that are started from now on, be where this process is; whether they can."""
        here = reuse.Surroundings.here(self.environment, self._changed)
        self._changed |= here.variables.keys()
        try:
            client.register_plugin(_Entry(here))
        except Exception:  # a variable has changed that is read when a process starts, or one has died
            return False
        return True

    def leave(self, client: Client) -> bool:
        """Have the workers forget the sweep; whether they can be used again."""
        with contextlib.suppress(Exception):  # one dies, or is stuck: others are started when they are needed
            for name in (_Entry.name, DataSoon.name):
                with contextlib.suppress(ValueError):  # there is none
                    client.unregister_worker_plugin(name)
            workers = client.scheduler_info(n_workers=-1)["workers"]
            left = [client.submit(reuse.leave, workers=[address], pure=False) for address in workers]
            with client.as_current():
                wait(left, timeout=PATIENCE)
            return bool(left) and all(client.gather(left))
        return False

    def rest(self, at_rest: bool) -> bool:
        """Whether all workers are there; those that die at rest are not replaced."""
        nannies = list(self.cluster.workers.values())
        for nanny in nannies:
            nanny.at_rest = at_rest
        whole = len(nannies) == len(self.cluster.worker_spec) and self.cluster.status == Status.running
        return whole and all(nanny.status == Status.running for nanny in nannies)

    def close(self) -> None:
        """End the workers."""
        self.cluster.close()
        _crews.discard(self)


class _Entry(WorkerPlugin):  # type: ignore[misc]
    """Gives each worker the surroundings of the sweep."""

    name = "sweeps-surroundings"

    def __init__(self, surroundings: reuse.Surroundings) -> None:
        self._surroundings = surroundings

    def setup(self, worker: Worker) -> None:
        if not reuse.enter(self._surroundings):
            raise RuntimeError


#: all that live; a forked process keeps them, too, since Dask warns where one goes that was not closed
_crews: set[Crew] = set()
_waiting: Crew | None = None
_timer: threading.Timer | None = None
_lock = threading.Lock()


def take(settings: Settings) -> Crew | None:
    """The workers that wait, if they were started with these settings and live; others are ended."""
    crew = _exchange(None)
    if crew is None or (crew.rest(False) and crew.settings == settings):
        return crew
    crew.close()
    return None


def put(crew: Crew) -> None:
    """Let workers wait, which have left their sweep."""
    crew.rest(True)
    if former := _exchange(crew):
        former.close()


def close() -> None:
    """End the workers that wait."""
    if crew := _exchange(None):
        crew.close()


def _exchange(crew: Crew | None) -> Crew | None:
    global _waiting, _timer
    with _lock:
        if _timer is not None:
            _timer.cancel()
        former, _waiting, _timer = _waiting, crew, None
        if crew is not None:
            _timer = threading.Timer(IDLE, close)
            _timer.daemon = True
            _timer.start()
        return former


def _end() -> None:
    """At the end of this process, which is past listening to signals."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    close()


def _forget() -> None:
    """In a process that was forked: neither its end nor its sweeps have anything to do with the parent's workers."""
    global _waiting, _timer, _lock
    _waiting, _timer, _lock = None, None, threading.Lock()
    # its thread is the parent's: what is given to it here, the scheduler would wait for without end
    distributed.utils._offload_executor = ThreadPoolExecutor(1, thread_name_prefix="Dask-Offload")
    for crew in _crews:  # else Dask and Python would end them when this process ends
        SpecCluster._instances.discard(crew.cluster)
        for nanny in crew.cluster.workers.values():
            if (started := getattr(nanny.process, "process", None)) is not None:
                started._proc_finalizer.detach()
                multiprocessing.process._children.discard(started._process)  # type: ignore[attr-defined]


atexit.register(_end)
os.register_at_fork(after_in_child=_forget)
