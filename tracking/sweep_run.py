"""The parent run of a sweep: configuration, data and versions; at its end the leaderboard and the winner."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from tracking.errors import Refused, StoreUnavailable, translate_errors
from tracking.spool import UnsentRun, save_unsent, send_texts
from tracking.store import STATE, Store, log, log_all, start_run
from tracking.views import NOTE

#: characters of a data set's digest that MLflow keeps
DIGEST = 36


@dataclass(frozen=True)
class DataDescription:
    """The name, source and content hash of a dataset."""

    name: str
    digest: str
    source: str


@dataclass(frozen=True)
class SweepResults:
    """What a sweep has come to, as its run says it.

    Attributes:
        note: the run's description, in Markdown.
        texts: artifacts, by the name of their file.
        metrics: name, value, step and milliseconds since 1970 of each; what was logged before counts once.
    """

    tags: Mapping[str, object]
    note: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[tuple[str, float, int, int]] = ()


def begin_sweep(
    store: Store,
    known: str | None,
    params: Mapping[str, object],
    tags: Mapping[str, object],
    data: DataDescription,
) -> str:
    """Reopen the parent run `known`, or create one with these parameters, tags and data; return its id."""
    if known is not None:
        store.client.update_run(known, status="RUNNING")
        log(store, known, tags=tags)
        return known
    run_id = start_run(store, store.parent_kind, {"kind": store.parent_kind, STATE: "RUNNING"})
    log(store, run_id, params=params, tags=tags)
    entity = Dataset(name=data.name, digest=data.digest[:DIGEST], source_type="local", source=data.source)
    store.client.log_inputs(run_id, [DatasetInput(entity, [InputTag(MLFLOW_DATASET_CONTEXT, "training")])])
    return run_id


def end_sweep(store: Store, run_id: str, status: str, results: SweepResults) -> None:
    """Log the sweep's results and end its run with `status` (FINISHED, FAILED or KILLED)."""
    log_results(store, run_id, results)
    log(store, run_id, tags={STATE: status})
    store.client.set_terminated(run_id, status)


def log_results(store: Store, run_id: str, results: SweepResults) -> None:
    """Log the results of a sweep, which replace those that its run has."""
    if results.texts:
        send_texts(store, run_id, results.texts)
    note = {NOTE: results.note} if results.note else {}
    metrics = [Metric(name, value, moment, step) for name, value, step, moment in results.metrics]
    log_all(store, run_id, metrics, {}, {**results.tags, **note})


def log_document(
    store: Store, run_id: str, file: str, text: str, metrics: Mapping[str, float], tags: Mapping[str, object]
) -> None:
    """Log a text as the artifact `file` of a run that has ended, with metrics and tags."""
    store.client.log_text(run_id, text, file)
    log(store, run_id, tags=tags, metrics=metrics)


def close_run(store: Store, run_id: str, state: str, status: str, error: str) -> None:
    """End a run whose process died; while the store is unavailable, this is kept in the spool.

    A run that somebody has deleted is left to whoever looks for what the record lacks.
    """
    tags = {STATE: state, "error": error[:500]}
    try:
        with translate_errors():
            log(store, run_id, tags=tags)
            store.client.set_terminated(run_id, status)
    except Refused:
        pass
    except StoreUnavailable:
        save_unsent(store, run_id, UnsentRun([], {}, tags, {}, status, int(time.time() * 1000)))


def close_trial(store: Store, parent: str, number: int, run_id: str | None, error: str) -> str | None:
    """End the run of a trial whose process died.

    Args:
        run_id: None where the process did not report it: the trial's run is then searched for, and created where
            there is none, so that each trial has one.

    Returns:
        The run's id; None where it is not known and the store is unavailable: a resume and `sweeps doctor` repair that.
    """
    try:
        with translate_errors():
            run_id = run_id or _run_of(store, number) or start_trial(store, parent, number, {})
    except StoreUnavailable:
        return None
    close_run(store, run_id, "FAIL", "FAILED", error)
    return run_id


def _run_of(store: Store, number: int) -> str | None:
    runs = store.client.search_runs([store.experiment_id], f"tags.`{store.kind}` = '{number}'", max_results=1)
    return str(runs[0].info.run_id) if runs else None


def start_trial(store: Store, parent: str, number: int, tags: Mapping[str, str]) -> str:
    """Create a trial's run; return its id."""
    return start_run(store, store.numbered(number), trial_tags(store, number, tags), parent)


def trial_tags(store: Store, number: int, tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that a trial's run begins with."""
    return {store.kind: str(number), STATE: "RUNNING", **tags}
