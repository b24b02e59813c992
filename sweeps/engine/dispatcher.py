"""Tasks on the workers, and the one answer to a worker's death, a hang, an interruption and a time limit.

The search, the continuation of a trial, the learning-rate range test and the checks before a sweep all hand out their
tasks here.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from distributed import Client, Future, KilledWorker, wait

from sweeps.engine import worker
from sweeps.engine.nanny import OUT_OF_MEMORY, exit_reason
from sweeps.errors import InputError, TrialsFailed, not_importable
from sweeps.system import signals

#: seconds that running tasks get to end in order once they are told to stop
STOP_TIMEOUT = 7.0
#: seconds between two checks for signals and deadlines while tasks run, for workers that start, and for lost ones
_INTERVAL, _START_INTERVAL, _REPLACE_EVERY = 0.5, 0.1, 5.0


@dataclass(eq=False)
class Task:
    """A task that was submitted.

    Attributes:
        trial: the number of the trial that it runs; None: it runs none.
        worker: the address of the worker that runs it, once the trial has begun.
        begun: the `time.monotonic()` at which the trial began.
        reason: why this process ended the task's worker; None: it did not.
    """

    future: Future
    trial: int | None = None
    worker: str = ""
    begun: float = 0.0
    reason: str | None = None


@dataclass(frozen=True)
class Ended:
    """A task that has ended: with a result, with an error, or with the death of its worker.

    Attributes:
        death: how the worker process ended; None: it lives.
    """

    task: Task
    result: Any = None
    error: BaseException | None = None
    death: str | None = None


class Dispatcher:
    """Hands tasks to the workers of a client and tells how each ended."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.running: dict[Future, Task] = {}
        self._replaced = time.monotonic()
        self._interval = _INTERVAL
        self.subscribe("begun", self._begun)
        self.subscribe("worker-restart-memory", self._over_memory)

    def subscribe(self, topic: str, handler: Callable[[dict[str, Any]], None]) -> None:
        """Call `handler` with the fields of every event of a topic, the worker's address as `worker` among them."""
        self.client.subscribe_topic(topic, lambda event: handler(event[1]))

    def need(self, trials: int) -> None:
        """Have workers for so many trials, as far as that is this process's concern; those here are there."""

    def free(self, most: int) -> int:
        """How many more tasks may be submitted.

        Args:
            most: that are to run at once.
        """
        there = len(self.client.scheduler_info(n_workers=-1)["workers"])
        self._interval = _START_INTERVAL if there < most else _INTERVAL
        # a worker that has died is started again while its task waits
        return min(most, max(1, there)) - len(self.running)

    def submit(self, function: Callable[..., Any], *args: Any, trial: int | None = None, **options: Any) -> Task:
        """Start a task.

        Args:
            trial: the number of the trial that it runs; None: it runs none.
            options: of `Client.submit`, such as `workers`.
        """
        task = Task(self.client.submit(function, *args, pure=False, **options), trial)
        self.running[task.future] = task
        return task

    def ended(self) -> list[Ended]:
        """A task that has ended, waited for half a second at most; an empty list if none has.

        One at a time: what its end makes the caller raise leaves the others in `running`, for `stop` to return.

        Raises:
            Interrupted: a signal has come.
        """
        self._wait(list(self.running))
        return [self._end(task) for task in self._done()[:1]]

    def end_overdue(self, limit: float, reason: str) -> None:
        """Kill the workers of trials that have run for more than `limit` seconds.

        Args:
            reason: how the trial's end is explained.
        """
        for task in self.running.values():
            if task.worker and task.reason is None and time.monotonic() > task.begun + limit:
                task.reason = reason
                with contextlib.suppress(KeyError):  # it has died already
                    self.client.run(worker.kill, nanny=True, workers=[task.worker], on_error="ignore")

    def stop(self) -> list[Ended]:
        """Tell the running tasks to end in order, and kill the workers of those that do not within `STOP_TIMEOUT`.

        Returns:
            Those that ended in time; the others stay in `running`.
        """
        self.client.run(worker.request_stop, nanny=True, on_error="ignore")
        with contextlib.suppress(TimeoutError):
            wait(list(self.running), timeout=STOP_TIMEOUT)
        ended = [self._end(task) for task in self._done()]
        if self.running:
            self.client.run(worker.kill, again=False, nanny=True, on_error="ignore")
        return ended

    def run(
        self,
        function: Callable[..., Any],
        *args: Any,
        trial: int | None = None,
        late: Callable[[Ended], object] = lambda _: None,
    ) -> Ended:
        """Run one task to its end; it is stopped if this process is told to end meanwhile.

        Args:
            trial: the number of the trial that it runs; None: it runs none.
            late: gets the task that has ended in order once it was told to stop.

        Raises:
            Interrupted: a signal has come.
        """
        self.submit(function, *args, trial=trial)
        try:
            while not (ended := self.ended()):
                pass
        except BaseException:
            for one in self.stop():
                late(one)
            raise
        return ended[0]

    def result(self, task: Task, what: str, timeout: float | None = None) -> Any:
        """The result of a task that comes before the first trial.

        Args:
            what: the task in messages.
            timeout: seconds; None: no limit.

        Raises:
            InputError: it takes longer than `timeout`.
            TrialsFailed: its worker died.
            BackendUnreachable: the worker cannot import what it needs.
            Interrupted: a signal has come.
            SweepError: whatever the task itself raised.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._is_over(task):
            if deadline is not None and time.monotonic() >= deadline:
                raise InputError(f"{what} took longer than --trial-timeout {timeout:g} s")
            self._wait([task.future])
        ended = self._end(task)
        if ended.death is not None:
            advice = (
                "A worker gets more memory by --memory-limit, or by fewer --jobs"
                if OUT_OF_MEMORY in ended.death
                else "The space's code, or a library that it calls, ends the process: try it in a Python of its own"
            )
            raise TrialsFailed(f"{what} did not end: {ended.death}\nNothing was stored. {advice}")
        if isinstance(ended.error, ImportError | MemoryError):
            raise not_importable(ended.error)
        if ended.error is not None:
            raise ended.error
        return ended.result

    def _wait(self, futures: list[Future]) -> None:
        """Wait half a second at most until one of the tasks has ended."""
        signals.raise_if_interrupted()
        with contextlib.suppress(TimeoutError):
            wait(futures, timeout=self._interval, return_when="FIRST_COMPLETED")
            return
        if time.monotonic() > self._replaced + _REPLACE_EVERY and (cluster := self.client.cluster) is not None:
            self._replaced = time.monotonic()
            cluster.scale(len(cluster.worker_spec))

    def _done(self) -> list[Task]:
        return [task for task in self.running.values() if self._is_over(task)]

    def _is_over(self, task: Task) -> bool:
        return bool(task.future.done())

    def _end(self, task: Task) -> Ended:
        del self.running[task.future]
        if task.future.status == "finished":
            result = task.future.result()
            task.future.release()  # Dask would run the task again when the worker that holds the result dies
            return Ended(task, result)
        if task.future.status != "error":
            return Ended(task, error=RuntimeError(f"its task was {task.future.status}"))
        error = task.future.exception()
        if isinstance(error, KilledWorker):
            return Ended(task, death=task.reason or exit_reason(error.last_worker.nanny))
        return Ended(task, error=error)

    def _begun(self, begun: dict[str, Any]) -> None:
        """The fields of a `TrialBegun`."""
        for task in list(self.running.values()):
            if task.future.key == begun["task"]:
                task.worker, task.begun = begun["worker"], time.monotonic()

    def _over_memory(self, event: dict[str, Any]) -> None:
        """A nanny is about to kill its worker."""
        for task in list(self.running.values()):
            if task.worker == event["worker"]:
                task.reason = f"its worker took {event['rss'] / 1e9:.1f} GB, more than --memory-limit allows"
