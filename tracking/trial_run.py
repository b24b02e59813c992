"""One trial's MLflow run: parameters, each epoch's metrics as it ends, the model, the end state."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType

from mlflow.entities import Metric

from tracking.answers import StoreUnavailable, answering
from tracking.spool import Rest, deliver, keep, send_texts
from tracking.store import RUN_STATUS, STATE, Store, log_all
from tracking.sweep_run import start_trial

#: seconds that metrics may wait for company: one call of 5 ms serves all epochs that end meanwhile
FLUSH_EVERY = 1.0
#: seconds between two tries at a store that is away: each may take as long as MLflow waits for an answer
TRY_AGAIN = 10.0


class TrialRun:
    """A child run of the sweep's run, ended in whatever way its `with` block is left.

    Metrics of an epoch are sent at its end, at most one call a second: what a faster trial has
    gathered by then goes along in the next call. While the store is away they gather, too; at the trial's end
    what it has not taken goes to the store's spool, and to the store later.

    Raises:
        StoreUnavailable: the run could not be begun.
    """

    def __init__(self, store: Store, parent: str, number: int, tags: Mapping[str, str]) -> None:
        self.store = store
        self.state = "FAIL"
        self.seconds = 0.0
        self._metrics: list[Metric] = []
        self._params: dict[str, object] = {}
        self._sent_params: set[str] = set()
        self._tags: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        started = time.perf_counter()
        self._next, self._away_until = started + FLUSH_EVERY, started
        self.run_id = start_trial(store, parent, number, tags)
        self.seconds += time.perf_counter() - started

    def __enter__(self) -> TrialRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def log_params(self, params: Mapping[str, object]) -> None:
        """Parameters, sent with the next metrics; those that are known already are left out."""
        self._params |= {key: value for key, value in params.items() if key not in self._sent_params}

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Metrics of an epoch (`step` counts from 1)."""
        now = int(time.time() * 1000)
        self._metrics += [Metric(key, float(value), now, step) for key, value in metrics.items()]
        if time.perf_counter() >= self._next:
            self.flush()

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Tags, sent with the next metrics."""
        self._tags |= {key: str(value) for key, value in tags.items()}

    def log_text(self, text: str, file: str) -> None:
        """A text as an artifact, sent at the end."""
        self._texts[file] = text

    def flush(self) -> bool:
        """Send what waits, in one call; whether the store took it. What it did not take goes on waiting."""
        self._next = time.perf_counter() + FLUSH_EVERY
        if not self._took(lambda: log_all(self.store, self.run_id, self._metrics, self._params, self._tags)):
            return False
        self._sent_params |= self._params.keys()
        self._metrics, self._params, self._tags = [], {}, {}
        return True

    def close(self) -> None:
        """Send what waits and end the run in the state that `self.state` names; or keep all of it for later.

        Raises:
            OSError: the store is away, and the spool cannot be written either.
            StoreUnavailable: the store is away, and it has no spool.
        """
        self.set_tags({STATE: "FAIL" if self.state == "INTERRUPTED" else self.state})
        ended, status = int(time.time() * 1000), RUN_STATUS[self.state]
        whole = self.flush() and self._send_texts()
        whole = whole and self._took(lambda: self.store.client.set_terminated(self.run_id, status, ended))
        model_waits = self.store.spool is not None and (self.store.spool / self.run_id).exists()
        if model_waits or not whole:
            keep(self.store, self.run_id, Rest(self._metrics, self._params, self._tags, self._texts, status, ended))
        if whole:
            self._took(lambda: deliver(self.store))

    def _send_texts(self) -> bool:
        def send() -> None:
            send_texts(self.store, self.run_id, self._texts)
            self._texts = {}

        return not self._texts or self._took(send)

    def _took(self, send: Callable[[], object]) -> bool:
        """Whether the store took it; one that was away is left alone for a while."""
        started = time.perf_counter()
        if started < self._away_until:
            return False
        try:
            with answering():
                send()
        except StoreUnavailable:
            self._away_until = time.perf_counter() + TRY_AGAIN
            return False
        finally:
            self.seconds += time.perf_counter() - started
        return True
