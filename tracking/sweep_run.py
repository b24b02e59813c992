"""The parent run of a sweep: configuration, data and versions; at its end the leaderboard and the winner."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from tracking.errors import StoreUnavailable, translate_errors
from tracking.spool import UnsentRun, save_unsent
from tracking.store import STATE, Store, log, start_run


@dataclass(frozen=True)
class DataDescription:
    """The name, source and content hash of a dataset."""

    name: str
    digest: str
    source: str


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
    entity = Dataset(name=data.name, digest=data.digest[:36], source_type="local", source=data.source)
    store.client.log_inputs(run_id, [DatasetInput(entity, [InputTag(MLFLOW_DATASET_CONTEXT, "training")])])
    return run_id


def end_sweep(
    store: Store,
    run_id: str,
    status: str,
    leaderboard: Sequence[Mapping[str, object]],
    counts: Mapping[str, int],
    winner: Mapping[str, object],
    metrics: Mapping[str, float],
) -> None:
    """Log the sweep's results and end its run with `status` (FINISHED, FAILED or KILLED)."""
    client = store.client
    if leaderboard:
        client.log_text(run_id, _as_csv(leaderboard), "leaderboard.csv")
    tags = {f"trials.{state}": count for state, count in counts.items()} | {
        f"winner.{key}": value for key, value in winner.items()
    }
    log(store, run_id, tags=tags | {STATE: status}, metrics=metrics)
    client.set_terminated(run_id, status)


def log_document(
    store: Store, run_id: str, file: str, text: str, metrics: Mapping[str, float], tags: Mapping[str, object]
) -> None:
    """Log a text as the artifact `file` of a run that has ended, with metrics and tags."""
    store.client.log_text(run_id, text, file)
    log(store, run_id, tags=tags, metrics=metrics)


def _as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def close_run(store: Store, run_id: str, state: str, status: str, error: str) -> None:
    """End a run whose process died; while the store is unavailable, this is kept in the spool."""
    tags = {STATE: state, "error": error[:500]}
    try:
        with translate_errors():
            log(store, run_id, tags=tags)
            store.client.set_terminated(run_id, status)
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
    return start_run(store, f"{store.kind}-{number:04d}", {store.kind: str(number), STATE: "RUNNING", **tags}, parent)
