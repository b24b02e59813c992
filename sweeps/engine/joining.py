"""A worker that somebody else has started joins a sweep: its packages are compared with the driver's, and it gets what
workers of this project's own have from the start."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from distributed import Worker

from sweeps.engine.tasks import warm_up_soon
from sweeps.engine.worker import environment, prepare
from sweeps.system import worker_process

#: what the result of a trial depends on, by the names of distributions
_PACKAGES = ("keras-sweeps", "tensorflow", "keras", "keras-tuner", "optuna", "numpy", "numba", "distributed")
_ROOT = Path(__file__).parents[2]


def join(expected: Mapping[str, str], dask_worker: Worker) -> Mapping[str, str]:
    """Run by Dask in a worker: be ready for trials of a driver with these versions; the versions here.

    What a worker with other versions has stays as it is.
    """
    here = versions()
    if differences(expected, here):
        return here
    # read when TensorFlow is imported, which a fresh worker has not done
    for name, value in environment(1).items():
        os.environ.setdefault(name, value)
    with contextlib.suppress(ValueError):  # not in its main thread; it is also told to stop by a call
        prepare(dask_worker)
    worker_process.withdraw_stop()  # of a sweep that was killed before it could
    warm_up_soon()
    return here


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """What is there and not as here, in words."""
    return [f"{name} {there.get(name)} instead of {here[name]}" for name in here if there.get(name) != here[name]]


@cache
def versions() -> Mapping[str, str]:
    """Those of Python and of packages, and a digest of this project's own sources, which may be a checkout's."""
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "(not installed)"
    digest = hashlib.sha256()
    for package in ("search_spaces", "sweeps", "tracking"):
        for file in sorted((_ROOT / package).rglob("*.py")):
            digest.update(f"{file.relative_to(_ROOT)}\n".encode() + file.read_bytes())
    return found | {"sources": digest.hexdigest()[:12]}
