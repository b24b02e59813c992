"""The process that workers are forked from: it has imported what a trial needs, so that a worker starts in a moment.

Python's own fork server (`multiprocessing.forkserver`), with `sweeps.engine.preload` as what it imports. It is started
as early as possible, and imports while its parent does. It ends with its parent, its workers with it.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any

from sweeps.errors import BackendUnreachable
from sweeps.system import signals

#: fork is safe where no library has threads of its own: macOS' have
AVAILABLE = sys.platform == "linux"


#: bytes of address space in which TensorFlow cannot be loaded; with much less Dask loses messages and waits for ever
_TOO_LITTLE_ADDRESS_SPACE = 1_500_000_000

#: what a process reads when it starts, as Dask has it for its workers
_ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONSAFEPATH": "1",  # modules of the working directory may have any name
}


def start() -> str:
    """Start the process, if there is none; returns at once, while it imports.

    Returns:
        How workers are started, as `multiprocessing` calls it: "forkserver", or "spawn" where it cannot be had.

    Raises:
        BackendUnreachable: the address space is too small.
    """
    _check_address_space()
    path = os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)
    with _in_environment(_ENVIRONMENT | {"PYTHONPATH": path}):
        # whichever thread starts it, unblocks the signals for itself and for the process that it starts next
        resource_tracker.ensure_running()
        if not AVAILABLE:
            return "spawn"
        forkserver.set_forkserver_preload(["sweeps.engine.preload"])
        try:
            with signals.blocked():
                forkserver.ensure_running()
        except OSError:  # its socket is in TMPDIR, which may have a path that is too long for one
            return "spawn"
    return "forkserver"


def _forget() -> None:
    """In a process that was forked: the server is the parent's, and ends with it though this process lives."""
    server: Any = forkserver._forkserver
    if server._forkserver_pid is not None:
        os.close(server._forkserver_alive_fd)
        server.__init__()


os.register_at_fork(after_in_child=_forget)


def _check_address_space() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < _TOO_LITTLE_ADDRESS_SPACE:
        raise BackendUnreachable(
            f"TensorFlow needs more than {_TOO_LITTLE_ADDRESS_SPACE / 1e9:g} GB of address space, "
            f"the limit is {limit / 1e9:.1f} GB\nRaise it (ulimit -v), or remove it: ulimit -v unlimited"
        )


@contextmanager
def _in_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """New processes have these variables, too."""
    kept = dict(os.environ)
    os.environ |= variables
    try:
        yield
    finally:
        for name in variables:
            if name in kept:
                os.environ[name] = kept[name]
            else:
                del os.environ[name]
