"""The MLflow run of a trial: parameters, metrics of each epoch as it ends, artifacts and the final state."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType

from mlflow.entities import Metric
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME

from tracking.errors import StoreUnavailable, translate_errors
from tracking.spool import UnsentRun, save_unsent, send_all, send_texts
from tracking.store import RUN_STATUS, STATE, Store, end_named, log_all
from tracking.sweep_run import DIGEST, DataDescription, start_trial
from tracking.views import NOTE

#: seconds between two calls: one of them (5 ms) sends the metrics of all epochs that ended in between
FLUSH_INTERVAL = 1.0
#: seconds until an unavailable store is tried again: each attempt may take as long as MLflow's timeout
RETRY_INTERVAL = 10.0


class TrialRun:
    """A child run of a sweep's run, ended when its `with` block is left.

    The metrics of an epoch are sent at its end, in at most one call a second; those of faster epochs, and those logged
    while the store is unavailable, are collected for the next call. What has not been sent when the trial ends is
    written to the store's spool.

    Attributes:
        state: the trial's state (COMPLETE, PRUNED, FAIL, INTERRUPTED) with which the run will be ended.
        seconds: time spent on calls to the store.

    Raises:
        StoreUnavailable: the run could not be created.
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
        self._name: str | None = None
        started = time.perf_counter()
        self._next_flush, self._retry_at = started + FLUSH_INTERVAL, started
        self.run_id = start_trial(store, parent, number, tags)
        self.seconds += time.perf_counter() - started

    def __enter__(self) -> TrialRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log parameters with the next call; those that were sent before are skipped."""
        self._params |= {key: value for key, value in params.items() if key not in self._sent_params}

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Log the metrics of an epoch; `step` counts from 1."""
        now = int(time.time() * 1000)
        self._metrics += [Metric(key, float(value), now, step) for key, value in metrics.items()]
        if time.perf_counter() >= self._next_flush:
            self.flush()

    def log_score(self, name: str, value: float, step: int, model_uri: str, data: DataDescription) -> None:
        """Log a metric of the run that is also one of its model, measured on this data.

        Args:
            step: the epoch, from 1.
            model_uri: as returned by `log_model`; a model in the spool gets no metric.
        """
        model_id = model_uri.removeprefix("models:/") if model_uri.startswith("models:/") else None
        of_model = (model_id, data.name, data.digest[:DIGEST]) if model_id else ()
        self._metrics.append(Metric(name, float(value), int(time.time() * 1000), step, *of_model))

    def rename(self, name: str) -> None:
        """Name the run with the next call."""
        self._name = name

    def describe(self, text: str) -> None:
        """Give the run a description with the next call."""
        self._tags[NOTE] = text

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Set tags with the next call."""
        self._tags |= {key: str(value) for key, value in tags.items()}

    def log_text(self, text: str, file: str) -> None:
        """Log a text as the artifact `file` when the run ends."""
        self._texts[file] = text

    def flush(self, ending: bool = False) -> bool:
        """Send metrics, parameters and tags in one call; return whether it succeeded. What was not sent is kept.

        Args:
            ending: the call that ends the run follows, which names it in passing: as a tag the name takes MLflow as
                long as all the others.
        """
        self._next_flush = time.perf_counter() + FLUSH_INTERVAL
        tags = self._tags if ending else self._tags | self._name_tag
        if not self._try(lambda: log_all(self.store, self.run_id, self._metrics, self._params, tags)):
            return False
        self._name = self._name if ending else None
        self._sent_params |= self._params.keys()
        self._metrics, self._params, self._tags = [], {}, {}
        return True

    def close(self) -> None:
        """Send everything and end the run in `self.state`, or write what was not sent to the spool.

        Raises:
            OSError: the store is unavailable, and the spool cannot be written.
            StoreUnavailable: the store is unavailable and has no spool.
        """
        self.set_tags({STATE: "FAIL" if self.state == "INTERRUPTED" else self.state})
        ended, status = int(time.time() * 1000), RUN_STATUS[self.state]
        sent = self.flush(ending=True) and self._send_texts()
        sent = sent and self._try(lambda: end_named(self.store, self.run_id, status, ended, self._name))
        has_unsent_model = self.store.spool is not None and (self.store.spool / self.run_id).exists()
        if has_unsent_model or not sent:
            tags = self._tags | self._name_tag
            unsent = UnsentRun(self._metrics, self._params, tags, self._texts, status, ended)
            save_unsent(self.store, self.run_id, unsent)
        if sent:
            self._try(lambda: send_all(self.store))

    @property
    def _name_tag(self) -> dict[str, str]:
        return {MLFLOW_RUN_NAME: self._name} if self._name else {}

    def _send_texts(self) -> bool:
        def send() -> None:
            send_texts(self.store, self.run_id, self._texts)
            self._texts = {}

        return not self._texts or self._try(send)

    def _try(self, send: Callable[[], object]) -> bool:
        """Whether the call succeeded; an unavailable store is not called again for `RETRY_INTERVAL`."""
        started = time.perf_counter()
        if started < self._retry_at:
            return False
        try:
            with translate_errors():
                send()
        except StoreUnavailable:
            self._retry_at = time.perf_counter() + RETRY_INTERVAL
            return False
        finally:
            self.seconds += time.perf_counter() - started
        return True
