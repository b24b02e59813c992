"""Workers of a Dask cluster that is there already: `sweeps run --cluster tcp://scheduler:8786`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import platform
import random
import signal
import sys
import time
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import dask
import dask.sizeof
import distributed.comm.core
import distributed.utils_comm
from distributed import Client, Worker, WorkerPlugin, wait

from sweeps.data import Dataset
from sweeps.engine import reuse
from sweeps.engine.cluster import SLOTS
from sweeps.engine.listener import listening
from sweeps.engine.scratch import DataFile
from sweeps.engine.tasks import warm_up_soon
from sweeps.engine.worker import environment
from sweeps.errors import BackendUnreachable
from sweeps.system import signals, worker_process

#: seconds in which a scheduler has to answer, and after which it is said that no worker has come
_ANSWER, _NOBODY = 10.0, 60.0
_PACKAGES = ("tensorflow", "keras", "keras-tuner", "numpy", "distributed", "sweeps")


@contextlib.contextmanager
def workers_of(address: str, security: Any = None) -> Iterator[Client]:
    """A client of the workers of a scheduler, once there is one.

    Args:
        security: a `distributed.Security`, for `tls://`; None: as Dask is configured.

    Raises:
        BackendUnreachable: the scheduler does not answer, or a worker has other packages.
        Interrupted: by a signal.
    """
    with dask.config.set(SLOTS), signals.blocked():
        client = _connected(address, security)
    with dask.config.set(SLOTS), client:
        try:
            _wait_for_workers(client, address)
            _check_packages(client)
            client.register_plugin(_Prepared())
            with client.as_current():
                yield client
        finally:
            with contextlib.suppress(Exception):  # the scheduler may be gone
                _leave(client)


@contextlib.contextmanager
def sent_data(client: Client, data: Dataset) -> Iterator[DataFile]:
    """A dataset for workers of other machines, which each fetches once while the block runs."""
    content = pickle.dumps(data, protocol=5)
    key = hashlib.sha256(content).hexdigest()
    with listening(client, lambda asked: content if asked == key.encode() else pickle.dumps(None)) as address:
        yield DataFile(key, address)


def _connected(address: str, security: Any) -> Client:
    try:
        return Client(address, timeout=_ANSWER, set_as_default=False, security=security)
    except (OSError, ValueError, TimeoutError, RuntimeError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise BackendUnreachable(f"--cluster: the scheduler {address} does not answer: {said}") from None


def _wait_for_workers(client: Client, address: str) -> None:
    begun, told = time.monotonic(), False
    while not client.scheduler_info(n_workers=-1)["workers"]:
        signals.raise_if_interrupted()
        if not told and time.monotonic() > begun + _NOBODY:
            told = True
            print(f"no worker has come to {address} for a minute; waiting (Ctrl-C ends it)", file=sys.stderr)
        time.sleep(0.5)


def _check_packages(client: Client) -> None:
    """Raises: BackendUnreachable: a worker has other versions than this process, or lacks the package."""
    here = _versions()
    for worker, there in client.run(_versions, on_error="return").items():
        if isinstance(there, BaseException):
            raise BackendUnreachable(
                f"--cluster: the worker {worker} cannot run trials: {type(there).__name__}: {there}\n"
                f"It needs the package that this process has: pip install sweeps=={here['sweeps']}"
            )
        differing = [
            f"{name} {there.get(name)} instead of {here[name]}" for name in here if there.get(name) != here[name]
        ]
        if differing:
            raise BackendUnreachable(f"--cluster: the worker {worker} has {', '.join(differing)}")


@cache
def _versions() -> dict[str, str]:
    """The versions of what a trial's result depends on, and a digest of this project's own sources."""
    found = {"python": platform.python_version().rpartition(".")[0]}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    root = Path(__file__).parents[2]
    sources = sorted(
        file for package in ("sweeps", "search_spaces", "tracking") for file in root.glob(f"{package}/**/*.py")
    )
    digest = hashlib.sha256()
    for file in sources:
        digest.update(file.read_bytes())
    return found | {"sources": digest.hexdigest()[:12]}


class _Prepared(WorkerPlugin):  # type: ignore[misc]
    """What a worker of this project's own does when it starts."""

    name = "sweeps-prepared"

    def setup(self, worker: Worker) -> None:
        """Run by Dask, also on workers that come later."""
        # read when TensorFlow is imported, which a fresh worker has not done
        for name, value in environment(1).items():
            os.environ.setdefault(name, value)
        # Dask's own thread draws from Python's global generator while a trial is built from it
        for module in (dask.sizeof, distributed.comm.core, distributed.utils_comm):
            module.random = random.Random()
        with contextlib.suppress(ValueError):  # not in its main thread
            signal.signal(signal.SIGUSR1, lambda signum, frame: worker_process.request_stop())
        warm_up_soon()


def _leave(client: Client) -> None:
    """Have the workers forget the sweep."""
    client.unregister_worker_plugin(_Prepared.name)
    workers = client.scheduler_info(n_workers=-1)["workers"]
    left = [client.submit(reuse.leave, workers=[address], pure=False) for address in workers]
    wait(left, timeout=5.0)
