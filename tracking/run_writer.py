"""Calls to a store that nobody waits for: made one after the other, by a thread."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import ParamSpec, TypeVar

from tracking.errors import StoreUnavailable, TrackingError, translate_errors
from tracking.store import Store

P = ParamSpec("P")
R = TypeVar("R")

#: calls that may wait, before no more trials are begun
BACKLOG = 2000
#: seconds until a store that was away is called again: each attempt may take as long as MLflow's timeout
RETRY_INTERVAL = 10.0
#: seconds between two attempts at a call that is made until it succeeds
REPEAT_INTERVAL = 2.0


class RunWriter:
    """Makes the calls that write runs to a store.

    Args:
        at_once: make each call when it is submitted, and wait for it.

    Attributes:
        error: what a call has raised last, other than that the store is away; None: nothing.
    """

    def __init__(self, store: Store, at_once: bool = False) -> None:
        self.store = store
        self.error: TrackingError | OSError | None = None
        self._at_once, self._retry_at = at_once, 0.0
        self._closed = threading.Event()
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        # a daemon, which the end of the process does not wait for: what it has not sent is in the spool
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        if not at_once:
            self._thread.start()

    @property
    def is_full(self) -> bool:
        """Whether so many calls wait that the store should be given time."""
        return self._calls.qsize() > BACKLOG

    def submit(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Let a call be made after those that were submitted before."""
        future: Future[R] = Future()
        self._put(lambda: self._make(future, lambda: call(*args, **kwargs)))
        return future

    def submit_until_done(self, call: Callable[[], R], timeout: float) -> Future[R]:
        """As `submit`, and again while the store is away, beside other calls.

        Args:
            timeout: seconds after which that the store is away is the call's result.
        """
        future: Future[R] = Future()
        deadline = time.monotonic() + timeout

        def attempt() -> None:
            try:
                future.set_result(call())
            except StoreUnavailable as away:
                if self._closed.is_set() or time.monotonic() >= deadline:
                    future.set_exception(away)
                elif self._at_once:
                    time.sleep(REPEAT_INTERVAL)
                    attempt()
                else:
                    later = threading.Timer(REPEAT_INTERVAL, self._calls.put, [attempt])
                    later.daemon = True
                    later.start()
            except BaseException as error:
                future.set_exception(error)

        self._put(attempt)
        return future

    def attempt(self, send: Callable[[], object]) -> bool:
        """Call the store, within a call that was submitted.

        Returns:
            Whether it succeeded; a store that was away is not called again for `RETRY_INTERVAL`.
        """
        if time.monotonic() < self._retry_at:
            return False
        try:
            with translate_errors():
                send()
        except StoreUnavailable:
            self._retry_at = time.monotonic() + RETRY_INTERVAL
            return False
        return True

    def wait(self, timeout: float) -> bool:
        """Until all that was submitted so far is done; whether it is. After `close` nothing is waited for."""
        return not self._closed.is_set() and bool(wait([self.submit(lambda: None)], timeout).done)

    def close(self, timeout: float = 0.0) -> None:
        """Make no further calls; those that wait are dropped.

        Args:
            timeout: seconds that the call which is being made gets.
        """
        self._closed.set()
        self._calls.put(lambda: None)
        if not self._at_once and timeout:
            self._thread.join(timeout)

    def _put(self, call: Callable[[], None]) -> None:
        if self._at_once:
            call()
        else:
            self._calls.put(call)

    def _work(self) -> None:
        while not self._closed.is_set():
            self._calls.get()()

    def _make(self, future: Future[R], call: Callable[[], R]) -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            if isinstance(error, TrackingError | OSError):
                self.error = error
            future.set_exception(error)
