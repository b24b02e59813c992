"""What the client submits: names that a worker resolves; the client itself never imports TensorFlow."""

from __future__ import annotations

import gc
import socket
import threading
from functools import cache

from distributed import Worker, WorkerPlugin

from sweeps.data import DataSource, load
from sweeps.engine import reuse
from sweeps.engine.scratch import DataFile
from sweeps.errors import BackendUnreachable, SweepError
from sweeps.trial.lr_range import RangeRequest, RangeTest
from sweeps.trial.plan import Preflight, SweepRequest, TrialPlan
from sweeps.trial.task import TrialEnd, TrialTask

_importing = threading.Lock()
_warm = False


def warm_up() -> None:
    """Import what trials need and rehearse what each does, so that the first is hardly slower than the next; and
    take it all out of the garbage collector's sight: a collection over TensorFlow's objects takes 0.3 s, and
    `clear_session` asks for one a trial."""
    global _warm
    with _importing:
        if _warm:
            return
        gc.disable()  # while modules are imported nothing becomes garbage, and every collection goes over all of them
        try:
            from sweeps.engine.warm_up import rehearse
            from sweeps.trial import preflight, run  # noqa: F401

            gc.freeze()
        finally:
            gc.enable()
        rehearse()
        gc.collect()
        gc.freeze()
        reuse.remember()
        _warm = True


@cache
def _settle() -> None:
    """After a process's first trial: what that has brought to stay (a connection, resident data) is out of the
    garbage collector's way too."""
    gc.collect()
    gc.freeze()


def warm_up_soon() -> None:
    """Begin to warm up; a task that comes meanwhile waits for the end of it."""
    threading.Thread(target=warm_up, daemon=True).start()


def have_data(source: DataSource) -> None:
    """Read the data into memory, where the trials of this process find it."""
    warm_up()
    from sweeps.training import keep_resident

    data = load(source)
    for part in (data.train, data.validation):
        keep_resident((part.x, part.y, part.sample_weight))


class DataSoon(WorkerPlugin):  # type: ignore[misc]
    """Has every worker begin to read the data, also one that is started later; a trial that comes meanwhile may do it
    itself.

    Args:
        but: the address of the worker that checks them, which reads them for it.
    """

    name = "sweeps-data"

    def __init__(self, source: DataSource, but: str | None) -> None:
        self._source, self._but = source, but

    def setup(self, worker: Worker) -> None:
        """Run by Dask."""
        if worker.address != self._but:
            threading.Thread(target=have_data, args=(self._source,), daemon=True).start()


def preflight(request: SweepRequest, data: DataFile | None = None) -> Preflight:
    """See `sweeps.trial.preflight.preflight`."""
    warm_up()
    from sweeps.space.resolve import fatal_kind
    from sweeps.trial.line import DriverLost
    from sweeps.trial.preflight import preflight

    try:
        return preflight(request, None if data is None else data.open())
    except DriverLost as lost:
        raise BackendUnreachable(
            f"a worker on {socket.gethostname()} cannot fetch the data: {lost}\n"
            "Workers connect to the process of sweeps run: let them through, and name the scheduler as they do"
        ) from None
    except SweepError as error:
        error.fatal = fatal_kind(error)
        # the message says all; what it came from may be a traceback of a thousand frames, which would not get through
        error.__cause__ = error.__context__ = None
        raise error.with_traceback(None)  # noqa: B904


def range_test(request: RangeRequest) -> RangeTest:
    """See `sweeps.trial.lr_range_test.range_test`."""
    warm_up()
    from sweeps.trial.lr_range_test import range_test

    return range_test(request)


def run_trial(plan: TrialPlan, task: TrialTask, data: DataFile | None = None) -> TrialEnd:
    """See `sweeps.trial.run.run_trial`."""
    warm_up()
    from sweeps.trial.run import run_trial

    end = run_trial(plan, task, None if data is None else data.open())
    _settle()
    return end
