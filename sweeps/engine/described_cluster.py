"""A cluster that a file describes, as `sweeps run --cluster slurm.toml` starts it by Dask's own packages.

The file has one table. Its name says which cluster it is, its keys are the arguments of that class:

    [slurm]
    queue = "cpu"
    cores = 1
    memory = "4GB"
    walltime = "12:00:00"
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import shutil
import sys
import time
import tomllib
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dask
from distributed import SpecCluster, Status
from distributed.deploy.cluster import Cluster
from distributed.utils import silence_logging_cmgr

from sweeps.engine.cluster import SLOTS
from sweeps.errors import BackendUnreachable, InputError, unknown
from sweeps.system import signals
from sweeps.system.reading import read_text

#: seconds between two looks at how many workers there should be
_INTERVAL = 5.0


@dataclass(frozen=True)
class _Kind:
    """How a kind of cluster is started.

    Attributes:
        name: of a class or function in the module.
        extra: of this package that installs the module.
        command: that has to be on this machine.
        defaults: arguments that are dictionaries, which the file's keys go over.
    """

    module: str
    name: str
    extra: str
    command: str | None = None
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


#: Dask's dashboard is an open web page
_NO_DASHBOARD = {"scheduler_options": {"dashboard": False, "dashboard_address": ":0"}}
_KINDS = {
    "slurm": _Kind("dask_jobqueue", "SLURMCluster", "slurm", "sbatch", _NO_DASHBOARD),
    "kubernetes": _Kind("dask_kubernetes.operator", "KubeCluster", "kubernetes"),
    "ssh": _Kind("distributed", "SSHCluster", "ssh", None, _NO_DASHBOARD | {"worker_options": {"nthreads": 1}}),
}
#: whose hosts say how many workers there are
_FIXED = "ssh"


class Fleet:
    """The workers of a cluster that was started for a sweep: as many as it lacks trials, between two bounds.

    Args:
        named: the file, for messages.
    """

    def __init__(self, cluster: Cluster, named: str, least: int, most: int) -> None:
        self._cluster, self._named, self._least, self._most = cluster, named, least, most
        self._thread = ThreadPoolExecutor(1, "fleet")  # a command such as `sbatch` takes a while
        self._scaling: Future[None] | None = None
        self._next = 0.0
        self._told: set[str] = set()

    def fit(self, trials: int, busy: Collection[Any] = ()) -> None:
        """Have as many workers as there are trials; those that were lost are replaced.

        Args:
            trials: that run, or are missing.
            busy: the names of workers with a trial, which stay.
        """
        if self._scaling is not None and self._scaling.done():
            if (error := self._scaling.exception()) is not None and str(error) not in self._told:
                self._told.add(str(error))
                print(f"--cluster {self._named}: {_line(error)}", file=sys.stderr)
            self._scaling = None
        if self._scaling is None and time.monotonic() >= self._next:
            self._next = time.monotonic() + _INTERVAL
            self._scaling = self._thread.submit(self._scale, max(self._least, min(trials, self._most)), busy)

    def begin(self, trials: int) -> None:
        """Start the first workers.

        Raises:
            BackendUnreachable: the cluster refuses them.
        """
        try:
            self._scale(max(self._least, min(trials, self._most)), ())
        except Exception as error:
            raise BackendUnreachable(f"--cluster {self._named}: {_line(error)}") from None

    def close(self) -> None:
        """Scale no more."""
        self._thread.shutdown(cancel_futures=True)

    def _scale(self, count: int, busy: Collection[Any]) -> None:
        cluster = self._cluster
        if isinstance(cluster, SpecCluster):
            cluster.sync(_rescale, cluster, count, set(busy))
        else:  # of Kubernetes, whose operator closes idle ones first
            cluster.scale(max(count, len(busy)))


async def _rescale(cluster: SpecCluster, count: int, busy: set[Any]) -> None:
    """Have so many workers, or more where they are busy: `scale` would close any, and only log what fails."""
    for name, spec in list(cluster.worker_spec.items()):
        of_job = {f"{name}{suffix}" for suffix in spec.get("group", ())} or {name}
        if len(cluster.plan) - len(of_job) >= count and not of_job & busy:
            del cluster.worker_spec[name]
    while len(cluster.plan) < count:
        cluster.worker_spec.update(cluster.new_worker_spec())
    await cluster


@contextlib.contextmanager
def described(file: str, workers: tuple[int, int] | None, trials: int) -> Iterator[tuple[Cluster, Fleet | None]]:
    """Start the cluster that a file describes, and close it when the block ends.

    Args:
        workers: at least and at most; None where the hosts say how many.
        trials: that are missing.

    Returns:
        The cluster, and what keeps its number of workers; None where that is fixed.

    Raises:
        InputError: the file is wrong, or an argument in it is.
        BackendUnreachable: the package is not installed, or the cluster cannot be started.
    """
    kind, options = _read(file)
    if (kind == _FIXED) != (workers is None):
        wrong = "its hosts say how many there are" if kind == _FIXED else "is needed, as 8 or 4..64"
        raise InputError(f"--cluster {file}: --workers: {wrong}")
    with dask.config.set(SLOTS), silence_logging_cmgr(logging.CRITICAL), contextlib.ExitStack() as stack:
        cluster = stack.enter_context(_started(kind, options, file))
        fleet = None
        if workers is not None:
            fleet = stack.enter_context(contextlib.closing(Fleet(cluster, file, *workers)))
            fleet.begin(trials)
        yield cluster, fleet


@contextlib.contextmanager
def _started(name: str, options: Mapping[str, Any], file: str) -> Iterator[Cluster]:
    kind = _KINDS[name]
    try:
        with signals.kept():  # dask_jobqueue has a handler of its own for Ctrl-C, which it installs when it is imported
            make = getattr(importlib.import_module(kind.module), kind.name)
    except ImportError as error:
        raise BackendUnreachable(
            f"--cluster {file}: {kind.name} cannot be imported: {_line(error)}\n"
            f"pip install 'keras-sweeps[{kind.extra}]'"
        ) from None
    if kind.command and not shutil.which(kind.command):
        raise BackendUnreachable(f"--cluster {file}: the command {kind.command} is not on this machine")
    try:
        with signals.blocked():  # threads that are started here get none
            merged = {key: {**default, **options.get(key, {})} for key, default in kind.defaults.items()}
            cluster = make(**{**options, **merged})
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InputError(f"--cluster {file}: {kind.name}: {_line(error)}") from None
    except Exception as error:
        raise BackendUnreachable(f"--cluster {file}: {kind.name} cannot start: {_line(error)}") from None
    try:
        yield cluster
    finally:
        try:
            cluster.close()
        except Exception:  # a worker was never started, or its scheduler is gone
            cluster.status = Status.closed  # else Dask waits for it when this process ends


def _read(file: str) -> tuple[str, dict[str, Any]]:
    """The kind of cluster, and its options.

    Raises:
        InputError: the file is wrong.
    """
    try:
        tables = tomllib.loads(read_text("--cluster", Path(file)))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"--cluster: {file!r} is not TOML: {error}") from None
    if len(tables) != 1 or not isinstance(options := next(iter(tables.values())), dict):
        raise InputError(f"--cluster: {file!r} needs one table: {', '.join(f'[{kind}]' for kind in _KINDS)}")
    kind = next(iter(tables))
    if kind not in _KINDS:
        raise unknown("cluster", kind, _KINDS)
    return kind, options


def _line(error: BaseException) -> str:
    """A message in one line: the first, and the last, which is what a failed command has said."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0] if len(lines) == 1 else f"{lines[0].rstrip('.:')}: {lines[-1]}"
