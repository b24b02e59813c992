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
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import dask
from distributed import SpecCluster, Status
from distributed.deploy.cluster import Cluster
from distributed.utils import silence_logging_cmgr

from sweeps.engine.cluster import SLOTS
from sweeps.errors import BackendUnreachable, InputError, Interrupted, unknown
from sweeps.system import signals
from sweeps.system.reading import read_text

#: seconds between two looks at how many workers there should be
_INTERVAL = 5.0
#: seconds between two looks for a signal
_POLL = 0.2
T = TypeVar("T")


@dataclass(frozen=True)
class _Kind:
    """How a kind of cluster is started.

    Attributes:
        name: of a class or function in the module.
        extra: of this package that installs the module.
        command: that has to be on this machine.
        defaults: arguments, which the file's keys go over.
    """

    module: str
    name: str
    extra: str
    command: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)


#: Dask's dashboard is an open web page
_NO_DASHBOARD = {"dashboard": False, "dashboard_address": ":0"}
#: after which the scheduler of a sweep that was killed ends, with its workers
_IDLE = "2 hours"
_KINDS = {
    # one worker a job: Dask replaces no lost job of several
    "slurm": _Kind(
        *("dask_jobqueue", "SLURMCluster", "slurm", "sbatch"),
        {"processes": 1, "scheduler_options": _NO_DASHBOARD},
    ),
    "kubernetes": _Kind("dask_kubernetes.operator", "KubeCluster", "kubernetes", None, {"quiet": True}),
    "ssh": _Kind(
        *("distributed", "SSHCluster", "ssh", None),
        {"scheduler_options": _NO_DASHBOARD | {"idle_timeout": _IDLE}, "worker_options": {"nthreads": 1}},
    ),
}
#: whose hosts say how many workers there are
_FIXED = "ssh"


class Fleet:
    """The workers of a cluster that was started for a sweep: as many as it lacks trials, between two bounds.

    Args:
        named: the file, for messages.

    Attributes:
        leaving: the names of workers that are being closed; they get no trials.
    """

    def __init__(self, cluster: Cluster, named: str, least: int, most: int) -> None:
        self._cluster, self._named, self._least, self._most = cluster, named, least, most
        self._thread = ThreadPoolExecutor(1, "fleet")  # a command such as `sbatch` takes a while
        self._scaling: Future[Exception | None] | None = None
        self._next = 0.0
        self._told: set[str] = set()
        self.leaving: frozenset[Any] = frozenset()

    def begin(self, trials: int) -> None:
        """Start the first workers.

        Raises:
            BackendUnreachable: the cluster refuses them.
            Interrupted: by a signal.
        """
        self._scaling = self._thread.submit(self._scale, self._wanted(trials), frozenset())
        error = _waited(self._scaling)
        if error is not None and len(getattr(self._cluster, "worker_spec", ())) < max(1, self._least):
            raise BackendUnreachable(f"--cluster {self._named}: {_line(error)}")

    def fit(self, trials: int, known: Mapping[Any, bool] = {}) -> None:
        """Have as many workers as there are trials; those that were lost are replaced.

        Args:
            trials: that run, or are missing.
            known: by the names of the workers that are there, whether they have a trial. Those stay.
        """
        if self._scaling is not None and self._scaling.done():
            if (error := self._scaling.result()) is not None and str(error) not in self._told:
                self._told.add(str(error))
                print(f"--cluster {self._named}: {_line(error)}", file=sys.stderr)
            self._scaling = None
        if self._scaling is None and time.monotonic() >= self._next:
            self._next = time.monotonic() + _INTERVAL
            count = self._wanted(trials)
            if isinstance(self._cluster, SpecCluster):
                surplus = max(0, len(self._cluster.worker_spec) - count)
                idle = [name for name in self._cluster.worker_spec if not known.get(name)]
                idle.sort(key=known.__contains__)  # first those that have not come yet
                self.leaving = frozenset(idle[:surplus])
            self._scaling = self._thread.submit(self._scale, max(count, sum(known.values())), self.leaving)

    def close(self) -> None:
        """Scale no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _wanted(self, trials: int) -> int:
        return max(self._least, min(trials, self._most))

    def _scale(self, count: int, leaving: frozenset[Any]) -> Exception | None:
        """Returns: why a worker could not be started."""
        cluster = self._cluster
        try:
            if isinstance(cluster, SpecCluster):
                cluster.sync(_rescale, cluster, count, leaving)
            else:  # of Kubernetes, whose operator closes idle ones first
                cluster.scale(count)
        except Exception as error:
            return error
        return None


async def _rescale(cluster: SpecCluster, count: int, leaving: frozenset[Any]) -> None:
    """Close those workers, and start others until there are so many; `scale` would close any, and only log errors."""
    for name in leaving:
        cluster.worker_spec.pop(name, None)
    while len(cluster.worker_spec) < count:
        cluster.worker_spec.update(cluster.new_worker_spec())
    try:
        await cluster
    finally:
        for name, worker in list(cluster.workers.items()):
            if worker.status != Status.running:  # it could not be started: Dask would try to, in silence
                del cluster.workers[name]
                cluster.worker_spec.pop(name, None)


def read_description(file: str, workers: tuple[int, int] | None) -> tuple[str, dict[str, Any]]:
    """The kind of cluster, and its options.

    Args:
        workers: at least and at most; None where the hosts say how many.

    Raises:
        InputError: the file is wrong, or `workers` is missing, or given beside hosts.
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
    for name, default in _KINDS[kind].defaults.items():
        if isinstance(default, dict) and not isinstance(options.get(name, {}), dict):
            raise InputError(f"--cluster {file}: {name} must be a table, got {options[name]!r}")
    if "processes" in _KINDS[kind].defaults and options.get("processes", 1) != 1:
        raise InputError(f"--cluster {file}: processes must be 1: a job is one worker")
    if (kind == _FIXED) != (workers is None):
        wrong = "its hosts say how many there are" if kind == _FIXED else "is needed, as 8 or 4..64"
        raise InputError(f"--cluster {file}: --workers: {wrong}")
    return kind, options


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
    kind, options = read_description(file, workers)
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
    except (ImportError, ValueError) as error:  # that one cannot be installed but in the main thread
        raise BackendUnreachable(
            f"--cluster {file}: {kind.name} cannot be imported: {_line(error)}\n"
            f"pip install 'keras-sweeps[{kind.extra}]'"
        ) from None
    if kind.command and not shutil.which(kind.command):
        raise BackendUnreachable(f"--cluster {file}: the command {kind.command} is not on this machine")
    defaults = {
        name: {**value, **options.get(name, {})} if isinstance(value, dict) else options.get(name, value)
        for name, value in kind.defaults.items()
    }
    try:
        cluster = _made(lambda: make(**{**options, **defaults}))
    except Interrupted:
        raise
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


def _made(make: Callable[[], Cluster]) -> Cluster:
    """A cluster, which is made beside this thread: a host that does not answer would keep Ctrl-C waiting."""
    with signals.blocked():  # threads that are started there get none
        making = (thread := ThreadPoolExecutor(1, "cluster")).submit(make)
    try:
        return _waited(making)
    except Interrupted:
        making.add_done_callback(lambda made: made.exception() or made.result().close())
        raise
    finally:
        thread.shutdown(wait=False)


def _waited(future: Future[T]) -> T:
    """The result; raises `Interrupted` when a signal comes."""
    while not wait([future], _POLL).done:
        signals.raise_if_interrupted()
    return future.result()


def _line(error: BaseException) -> str:
    """A message in one line: the first, and the last, which is what a failed command has said."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0] if len(lines) == 1 else f"{lines[0].rstrip('.:')}: {lines[-1]}"
