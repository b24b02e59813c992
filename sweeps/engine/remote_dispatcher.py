"""Tasks on workers that somebody else has started: which of them get any, and what becomes of a lost one's."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from distributed import Client, Future, wait
from distributed.client import FuturesCancelledError

from sweeps.engine import reuse, worker
from sweeps.engine.described_cluster import Fleet
from sweeps.engine.dispatcher import STOP_TIMEOUT, Dispatcher, Ended, Task
from sweeps.engine.joining import differences, join, versions
from sweeps.errors import BackendUnreachable
from sweeps.system import signals, worker_process

#: seconds that a worker gets to answer
_PATIENCE = 3.0
#: seconds between two looks for a worker
_INTERVAL = 0.5
#: seconds for which it is known which workers are there: of a thousand, the scheduler sends megabytes
_FRESH = 0.25


class Place(NamedTuple):
    """A process of a worker: another one may come at the same address, but with a folder of its own."""

    address: str
    folder: str
    name: object


class RemoteDispatcher(Dispatcher):
    """Gives each task to one worker, and to that alone, which has the packages of this process.

    A task of a worker that is lost Dask would run again elsewhere, as it was; bound to its worker it cannot, and ends
    here: it is the trial that is tried again.

    Args:
        resources: what a worker must have announced to get tasks; each task takes all of it.
        fleet: starts the workers; None: others do.
    """

    def __init__(self, client: Client, resources: Mapping[str, float] = {}, fleet: Fleet | None = None) -> None:
        super().__init__(client)
        self._resources, self._fleet = resources, fleet
        self._address = client.scheduler.address  # a client that has lost it does not know it any more
        self._joining: dict[Place, concurrent.futures.Future[dict[str, Any]]] = {}
        #: why a worker cannot run trials, "" if it can
        self._known: dict[Place, str] = {}
        self._given: dict[Task, Place] = {}
        #: when the scheduler was asked which workers are there, and its answer
        self._seen: tuple[float, Mapping[Place, Mapping[str, Any]]] = (-math.inf, {})
        #: that had no task when it was last asked for
        self._free: list[Place] = []

    def ready(self, strict: bool = False) -> list[Place]:
        """The workers that can run trials; those that are new are asked, and ready once they have answered.

        Args:
            strict: one that cannot is an error; otherwise it is named, and gets no trials.

        Raises:
            BackendUnreachable: that error, or the scheduler is gone.
        """
        there = self._there()
        self._known = {place: said for place, said in self._known.items() if place in there}
        self._joining = {place: asked for place, asked in self._joining.items() if place in there}
        for place, known in there.items():
            if known["status"] == "running" and place not in self._known and place not in self._joining:
                asking = self.client._run(join, versions(), workers=[place.address], on_error="return")
                loop = self.client.loop.asyncio_loop
                self._joining[place] = asyncio.run_coroutine_threadsafe(asking, loop)
        for place in [place for place, asked in self._joining.items() if asked.done()]:
            asked = self._joining.pop(place)
            self._known[place] = said = _said(place.address, asked.exception() or asked.result().get(place.address))
            if said and strict:
                raise BackendUnreachable(f"--cluster: {said}")
            if said:
                print(f"{said}; it gets no trials", file=sys.stderr)
        return [place for place, said in self._known.items() if not said and there[place]["status"] == "running"]

    @property
    def is_asking(self) -> bool:
        """Whether a worker is there that has not said yet if it can run trials."""
        return bool(self._joining)

    @property
    def wanted(self) -> str:
        """What a worker needs to get tasks, in words."""
        return "".join(f" with {name}={amount:g}" for name, amount in self._resources.items())

    def need(self, trials: int) -> None:
        """See `Dispatcher.need`."""
        if self._fleet is not None:
            taken = [self._given[task] for task in self.running.values()]
            self._fleet.fit(trials, {place.name: place in taken for place in self._there()})

    def free(self, most: int) -> int:
        """See `Dispatcher.free`: as many as there are workers without a task."""
        self._free = self._idle()
        return min(most - len(self.running), len(self._free))

    def submit(self, function: Callable[..., Any], *args: Any, trial: int | None = None, **options: Any) -> Task:
        """See `Dispatcher.submit`; what is no trial goes to any worker.

        A trial is not kept waiting for a worker: one that was free goes for lost where it has gone meanwhile.
        """
        while not (places := self._idle() or (self.ready() if trial is None else self._without_task(self._free))):
            signals.raise_if_interrupted()
            time.sleep(_INTERVAL)
        bound = {"workers": [places[0].address], "allow_other_workers": False, "resources": dict(self._resources)}
        task = super().submit(function, *args, trial=trial, **options | bound)
        self._given[task] = places[0]
        return task

    def stop(self) -> list[Ended]:
        """See `Dispatcher.stop`; a task that waits behind one of another sweep is taken back."""
        waiting = [future for future, task in self.running.items() if not task.worker]
        with contextlib.suppress(Exception):  # the scheduler may be gone
            self.client.cancel(waiting)
        for future in waiting:
            del self.running[future]
        self._call(worker_process.request_stop, workers=self._busy())
        with contextlib.suppress(TimeoutError, FuturesCancelledError):
            wait(list(self.running), timeout=STOP_TIMEOUT)
        ended = []
        with contextlib.suppress(BackendUnreachable):
            ended = [self._end(task) for task in self._done()]
        self._call(worker.kill, nanny=True, workers=self._busy())  # it starts another one
        return ended

    def leave(self) -> None:
        """Have the workers forget the sweep, in their own time."""
        with contextlib.suppress(Exception):  # the scheduler may be gone
            free = [place.address for place in self._idle()]
            wait([self.client.submit(reuse.leave, workers=[one], pure=False) for one in free], timeout=_PATIENCE)

    def _wait(self, futures: list[Future]) -> None:
        try:
            super()._wait(futures)
        except FuturesCancelledError:  # by nobody: a scheduler that is lost, or started again, does not know them
            raise self._lost() from None

    def _lost(self) -> BackendUnreachable:
        return BackendUnreachable(f"--cluster: the scheduler {self._address} is gone")

    def _idle(self) -> list[Place]:
        leaving = self._fleet.leaving if self._fleet else frozenset()
        return [place for place in self._without_task(self.ready()) if place.name not in leaving]

    def _without_task(self, places: list[Place]) -> list[Place]:
        taken = {self._given[task] for task in self.running.values()}
        return [place for place in places if place not in taken]

    def _busy(self) -> list[str]:
        return [task.worker for task in self.running.values() if task.worker]

    def _there(self) -> Mapping[Place, Mapping[str, Any]]:
        """What the scheduler knows of each worker that has the resources."""
        if self.client.status != "running":
            raise self._lost()
        if time.monotonic() < self._seen[0] + _FRESH:
            return self._seen[1]
        try:
            # not `scheduler_info`, whose answer another thread may replace by one without workers
            known = self.client.sync(self.client.scheduler.identity, n_workers=-1)["workers"]
        except (OSError, RuntimeError) as error:
            raise BackendUnreachable(f"--cluster: the scheduler does not answer any more: {error}") from None
        there = {
            Place(address, one["local_directory"], one["name"]): one for address, one in known.items() if self._has(one)
        }
        self._seen = time.monotonic(), there
        return there

    def _has(self, known: Mapping[str, Any]) -> bool:
        return all(known["resources"].get(name, 0) >= amount for name, amount in self._resources.items())

    def _call(self, function: Callable[..., Any], **options: Any) -> None:
        """Have workers, or their nannies, call a function."""
        with contextlib.suppress(Exception):  # one does not answer in time, say, or has just gone
            self.client.run(function, on_error="ignore", callback_timeout=_PATIENCE, **options)

    def _done(self) -> list[Task]:
        there = self._there()
        return [task for task in self.running.values() if self._given[task] not in there or task.future.done()]

    def _is_over(self, task: Task) -> bool:
        return super()._is_over(task) or self._given[task] not in self._there()

    def _end(self, task: Task) -> Ended:
        address = self._given[task].address
        if self._given.pop(task) in self._there():
            return super()._end(task)
        del self.running[task.future]
        self.client.cancel([task.future])
        return Ended(task, death=task.reason or f"its worker {address} died, or was cut off")


def _said(address: str, found: Mapping[str, str] | BaseException | None) -> str:
    """Why a worker cannot run trials, which has answered this; "" if it can."""
    if found is None:
        return f"the worker {address} has not answered"
    if isinstance(found, BaseException):
        here = versions()["keras-sweeps"]
        return (
            f"the worker {address} cannot run trials: {type(found).__name__}: {found}\n"
            f"It needs the packages of this process: pip install keras-sweeps=={here}"
        )
    other = differences(versions(), found)
    return f"the worker {address} has {', '.join(other)}" if other else ""
