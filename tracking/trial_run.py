"""The MLflow run of a trial: parameters, metrics of each epoch as it ends, artifacts and the final state."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from pathlib import Path
from types import TracebackType

from mlflow.entities import Metric
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME

from tracking.errors import StoreUnavailable
from tracking.model_place import ModelPlace, begin_model
from tracking.run_writer import RunWriter
from tracking.spool import UnsentRun, save_unsent, send_all, send_run, send_unsent
from tracking.store import CREATE_TIMEOUT, RUN_STATUS, STATE, NewRun, Store, log_all
from tracking.sweep_run import DIGEST, DataDescription, trial_tags
from tracking.views import NOTE

#: seconds between two calls: one of them (5 ms) sends the metrics of all epochs that ended in between
FLUSH_INTERVAL = 1.0


def now() -> int:
    """The time of a metric: milliseconds since 1970."""
    return int(time.time() * 1000)


class TrialRun:
    """A child run of a sweep's run, ended when its `with` block is left.

    The metrics of an epoch are sent at its end, in at most one call a second; those of faster epochs, and those logged
    while the store is unavailable, are collected for the next call. What has not been sent when the trial ends is
    written to the store's spool, and sent from there.

    Args:
        store: where the run is; a writer makes its calls later, in its own thread.
        parent: the id of the sweep's run.

    Attributes:
        state: the trial's state (COMPLETE, PRUNED, FAIL, INTERRUPTED) with which the run will be ended.

    Raises:
        StoreUnavailable: the run could not be created. With a writer, it is raised where its id is asked for.
    """

    def __init__(self, store: Store | RunWriter, parent: str, number: int, tags: Mapping[str, str]) -> None:
        self._writer = RunWriter(store, at_once=True) if isinstance(store, Store) else store
        self.store = self._writer.store
        self.state = "FAIL"
        self._number = number
        self._lock = threading.Lock()
        self._metrics: list[Metric] = []
        self._params: dict[str, object] = {}
        self._sent_params: set[str] = set()
        self._tags: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._name: str | None = None
        self._next_flush = time.monotonic() + FLUSH_INTERVAL
        self._flushing: Future[None] | None = None
        new = NewRun(self.store, self.store.numbered(number), trial_tags(self.store, number, tags), parent)
        self._created = self._writer.submit_until_done(new.create, CREATE_TIMEOUT)
        if isinstance(store, Store):
            self._created.result()

    @property
    def run_id(self) -> str:
        """The run's id, as soon as the store has given it."""
        return self._created.result()

    def is_created(self, timeout: float = 0.0) -> bool:
        """Whether the store has created the run, or refused to, within so many seconds."""
        return bool(wait([self._created], timeout).done)

    def when_created(self, call: Callable[[str], object]) -> None:
        """Let the run's id be passed on as soon as the store has given it, in the writer's thread."""

        def pass_on(created: Future[str]) -> None:
            if created.exception() is None:
                call(created.result())

        self._created.add_done_callback(pass_on)

    def __enter__(self) -> TrialRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log parameters with the next call; those that were sent before are skipped."""
        with self._lock:
            self._params |= {key: value for key, value in params.items() if key not in self._sent_params}

    def log_metrics(self, metrics: Mapping[str, float], step: int, at: int | None = None) -> None:
        """Log the metrics of an epoch.

        Args:
            step: the epoch, from 1.
            at: when it ended, in milliseconds since 1970; None: now.
        """
        when = now() if at is None else at
        with self._lock:
            self._metrics += [Metric(key, float(value), when, step) for key, value in metrics.items()]
        if time.monotonic() >= self._next_flush and (self._flushing is None or self._flushing.done()):
            self.flush()

    def log_score(self, name: str, value: float, step: int, model_uri: str, data: DataDescription) -> None:
        """Log a metric of the run that is also one of its model, measured on this data.

        Args:
            step: the epoch, from 1.
            model_uri: see `ModelPlace.uri`; a model that the store does not know yet gets no metric.
        """
        model_id = model_uri.removeprefix("models:/") if model_uri.startswith("models:/") else None
        of_model = (model_id, data.name, data.digest[:DIGEST]) if model_id else ()
        with self._lock:
            self._metrics.append(Metric(name, float(value), now(), step, *of_model))

    def begin_model(self, params: Mapping[str, object]) -> ModelPlace:
        """Where the trial's model is to be written; it is sent when the run ends.

        Args:
            params: logged with the model, as text.

        Raises:
            StoreUnavailable: the run was not created.
        """
        return begin_model(self.store, self.run_id, self._number, params)

    @property
    def spool(self) -> Path:
        """Where the run's model is written."""
        assert self.store.spool is not None
        return self.store.spool / self.run_id

    def rename(self, name: str) -> None:
        """Name the run with the next call."""
        self._name = name

    def describe(self, text: str) -> None:
        """Give the run a description with the next call."""
        self.set_tags({NOTE: text})

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Set tags with the next call."""
        with self._lock:
            self._tags |= {key: str(value) for key, value in tags.items()}

    def log_text(self, text: str, file: str) -> None:
        """Log a text as the artifact `file` when the run ends."""
        self._texts[file] = text

    def flush(self) -> None:
        """Send metrics, parameters and tags in one call; what was not sent is kept."""
        self._next_flush = time.monotonic() + FLUSH_INTERVAL
        self._flushing = self._writer.submit(self._flush)

    def close(self) -> None:
        """End the run in `self.state`: what was not sent is written to the spool, and sent from there.

        Raises:
            OSError: the spool cannot be written.
            StoreUnavailable: the run was not created; or the store is unavailable and has no spool.
        """
        self.set_tags({STATE: "FAIL" if self.state == "INTERRUPTED" else self.state})
        run_id, ended = self.run_id, now()
        with self._lock:
            tags = self._tags | ({MLFLOW_RUN_NAME: self._name} if self._name else {})
            # with what is being sent in this moment: it counts once
            unsent = UnsentRun(self._metrics, self._params, tags, self._texts, RUN_STATUS[self.state], ended)
        if self.store.spool is None:
            if not self._writer.submit(self._writer.attempt, lambda: send_unsent(self.store, run_id, unsent)).result():
                raise StoreUnavailable(
                    f"the end of run {run_id} could not be sent to the tracking store, and there is no spool"
                )
            return
        save_unsent(self.store, run_id, unsent)
        self._writer.submit(self._send, run_id)

    def _flush(self) -> None:
        if not self.is_created():
            return
        with self._lock:
            metrics, params, tags = list(self._metrics), dict(self._params), dict(self._tags)
            name = self._name
        named = tags | ({MLFLOW_RUN_NAME: name} if name else {})
        run_id = self.run_id
        if not self._writer.attempt(lambda: log_all(self.store, run_id, metrics, params, named)):
            return
        with self._lock:
            self._sent_params |= params.keys()
            self._metrics = self._metrics[len(metrics) :]
            self._params = {key: value for key, value in self._params.items() if key not in params}
            self._tags = {key: value for key, value in self._tags.items() if tags.get(key) != value}
            self._name = None if self._name == name else self._name

    def _send(self, run_id: str) -> None:
        if self._writer.attempt(lambda: send_run(self.store, run_id)):
            self._writer.attempt(lambda: send_all(self.store))  # of an outage
