"""Workers of a Dask cluster that is there already: `sweeps run --cluster tcp://scheduler:8786`."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import logging
import pickle
import sys
import time
import warnings
from collections.abc import Iterator, Mapping

import dask
from distributed import Client, Security
from distributed.utils import silence_logging_cmgr
from distributed.versions import VersionMismatchWarning

from sweeps.data import Dataset
from sweeps.engine.cluster import SLOTS
from sweeps.engine.described_cluster import Fleet
from sweeps.engine.listener import listening
from sweeps.engine.remote_dispatcher import RemoteDispatcher
from sweeps.engine.scratch import DataFile
from sweeps.errors import BackendUnreachable
from sweeps.system import signals

#: seconds in which a scheduler has to answer, and after which it is said that no worker has come
_ANSWER, _NOBODY = 8.0, 60.0
#: seconds for which those that are there are waited for once one can run trials: they are compared before the first
_COMPARED = 30.0
#: seconds between two looks whether one has come
_INTERVAL = 0.5


@contextlib.contextmanager
def workers_of(
    address: str,
    security: Security | None = None,
    resources: Mapping[str, float] = {},
    fleet: Fleet | None = None,
) -> Iterator[RemoteDispatcher]:
    """The workers of a scheduler, once there is one; they forget the sweep at the end of the block.

    Args:
        security: for `tls://`; None: as Dask is configured.
        resources: what a worker must have announced (`dask worker --resources "GPU=1"`) to get trials.
        fleet: starts the workers; None: they are there, or others start them.

    Raises:
        BackendUnreachable: the scheduler does not answer, or a worker has other packages.
        Interrupted: by a signal.
    """
    with dask.config.set(SLOTS), silence_logging_cmgr(logging.CRITICAL):  # Dask's loggers tell what this tells itself
        with signals.blocked():  # threads that are started here get none
            client = _connected(address, security)
        with client, client.as_current():
            dispatcher = RemoteDispatcher(client, resources, fleet)
            _wait_for_workers(dispatcher, address)
            try:
                yield dispatcher
            finally:
                dispatcher.leave()


@contextlib.contextmanager
def sent_data(client: Client, data: Dataset) -> Iterator[DataFile]:
    """A dataset for workers of other machines, which each process fetches once while the block runs."""
    content = pickle.dumps(data, protocol=5)
    digest = hashlib.sha256(content).hexdigest()
    with listening(client, lambda asked: content if asked == digest.encode() else b"") as address:
        yield DataFile(digest, address)


def _connected(address: str, security: Security | None) -> Client:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VersionMismatchWarning)  # the dispatcher compares them, and more
        try:
            return Client(address, timeout=_ANSWER, set_as_default=False, security=security)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
    # the client that could not connect is closed when it is collected: by the thread of another one it would never be
    gc.collect()
    raise BackendUnreachable(f"--cluster: the scheduler {address} does not answer: {said}")


def _wait_for_workers(dispatcher: RemoteDispatcher, address: str) -> None:
    begun, told = time.monotonic(), False
    while not dispatcher.ready(strict=True) or (dispatcher.is_asking and time.monotonic() < begun + _COMPARED):
        signals.raise_if_interrupted()
        if not told and time.monotonic() > begun + _NOBODY:
            told = True
            who = f"no worker{dispatcher.wanted}"
            print(f"{who} has come to {address} for a minute; waiting (Ctrl-C ends it)", file=sys.stderr)
        time.sleep(_INTERVAL)
