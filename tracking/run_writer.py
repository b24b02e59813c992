"""Calls to a store that nobody waits for: made one after the other, by a thread."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from tracking.errors import StoreUnavailable, translate_errors
from tracking.store import Store

P = ParamSpec("P")
R = TypeVar("R")

#: calls that may wait; who would add one more waits instead
BACKLOG = 2000
#: seconds until a store that was away is called again: each attempt may take as long as MLflow's timeout
RETRY_INTERVAL = 10.0


class RunWriter:
    """Makes the calls that write runs to a store.

    Args:
        at_once: make each call when it is submitted, and wait for it.

    Attributes:
        closed: no further calls are wanted.
    """

    def __init__(self, store: Store, at_once: bool = False) -> None:
        self.store, self.closed = store, threading.Event()
        self._at_once, self._retry_at = at_once, 0.0
        self._calls: queue.Queue[tuple[Future[Any], Callable[[], Any]]] = queue.Queue(BACKLOG)
        if not at_once:
            # a daemon, which the end of the process does not wait for: what it has not sent is in the spool
            threading.Thread(target=self._work, name="mlflow", daemon=True).start()

    def submit(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Let a call be made after those that were submitted before."""
        future: Future[R] = Future()
        if self._at_once:
            _make(future, lambda: call(*args, **kwargs))
        else:
            self._calls.put((future, lambda: call(*args, **kwargs)))
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

    def wait(self, timeout: float | None = None) -> bool:
        """Until all that was submitted so far is done; whether it is."""
        try:
            self.submit(lambda: None).result(timeout)
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Make no further calls; those that wait are dropped."""
        self.closed.set()
        if not self._at_once:
            self._calls.put((Future(), lambda: None))

    def _work(self) -> None:
        while True:
            future, call = self._calls.get()
            if self.closed.is_set():
                return
            _make(future, call)


def _make(future: Future[R], call: Callable[[], R]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)
