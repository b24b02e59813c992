"""One trial's MLflow run: parameters, each epoch's metrics as it ends, the model, the end state."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

from mlflow.entities import Metric, Param, RunTag

from tracking.store import NUMBER, STATE, Store, start_run

#: seconds that metrics may wait for company: one call of 5 ms serves all epochs that end meanwhile
FLUSH_EVERY = 1.0

_RUN_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED", "INTERRUPTED": "KILLED"}


class TrialRun:
    """A child run of the sweep's run, ended in whatever way its `with` block is left.

    Metrics of an epoch are sent at its end, at most one call a second: what a faster trial has
    gathered by then goes along in the next call.
    """

    def __init__(self, store: Store, parent: str, number: int, tags: Mapping[str, str]) -> None:
        self.store = store
        self.state = "FAIL"
        self.seconds = 0.0
        self._metrics: list[Metric] = []
        self._params: dict[str, object] = {}
        self._sent_params: set[str] = set()
        self._tags: dict[str, str] = {}
        started = time.perf_counter()
        self._flushed = started
        self.run_id = start_run(store, f"trial-{number:04d}", {NUMBER: str(number), STATE: "RUNNING", **tags}, parent)
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
        if time.perf_counter() - self._flushed >= FLUSH_EVERY:
            self.flush()

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Tags, sent with the next metrics."""
        self._tags |= {key: str(value) for key, value in tags.items()}

    def log_text(self, text: str, file: str) -> None:
        """A text as an artifact."""
        started = time.perf_counter()
        self.store.client.log_text(self.run_id, text, file)
        self.seconds += time.perf_counter() - started

    def flush(self) -> None:
        """Send what waits, in one call."""
        started = time.perf_counter()
        self.store.client.log_batch(
            self.run_id,
            metrics=self._metrics,
            params=[Param(key, str(value)) for key, value in self._params.items()],
            tags=[RunTag(key, value) for key, value in self._tags.items()],
        )
        self._sent_params |= self._params.keys()
        self._metrics, self._params, self._tags = [], {}, {}
        self._flushed = time.perf_counter()
        self.seconds += self._flushed - started

    def close(self) -> None:
        """Send what waits and end the run in the state that `self.state` names."""
        self.set_tags({STATE: "FAIL" if self.state == "INTERRUPTED" else self.state})
        self.flush()
        started = time.perf_counter()
        self.store.client.set_terminated(self.run_id, _RUN_STATUS[self.state])
        self.seconds += time.perf_counter() - started
