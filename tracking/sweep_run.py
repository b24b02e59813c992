"""The sweep's own run: configuration, data, versions; at the end the leaderboard and the winner."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from tracking.answers import StoreUnavailable, answering
from tracking.spool import Rest, keep
from tracking.store import NUMBER, STATE, Store, log, start_run


@dataclass(frozen=True)
class DataDescription:
    """What a dataset is called, where it came from, and the hash of its content."""

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
    """The id of the sweep's run: the `known` one reopened, or a new one with all of this logged."""
    if known is not None:
        store.client.update_run(known, status="RUNNING")
        log(store, known, tags=tags)
        return known
    run_id = start_run(store, "sweep", {"kind": "sweep", STATE: "RUNNING"})
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
    """Log how it came out and end the run with `status` (FINISHED, FAILED or KILLED)."""
    client = store.client
    if leaderboard:
        client.log_text(run_id, _as_csv(leaderboard), "leaderboard.csv")
    tags = {f"trials.{state}": count for state, count in counts.items()} | {
        f"winner.{key}": value for key, value in winner.items()
    }
    log(store, run_id, tags=tags | {STATE: status}, metrics=metrics)
    client.set_terminated(run_id, status)


def _as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def close_run(store: Store, run_id: str, state: str, status: str, error: str) -> None:
    """End a run whose process died, with what is known of it; a store that is away gets it later."""
    tags = {STATE: state, "error": error[:500]}
    try:
        with answering():
            log(store, run_id, tags=tags)
            store.client.set_terminated(run_id, status)
    except StoreUnavailable:
        keep(store, run_id, Rest([], {}, tags, {}, status, int(time.time() * 1000)))


def close_trial(store: Store, parent: str, number: int, run_id: str | None, error: str) -> str | None:
    """End the run of a trial whose process died, with what is known of it.

    Args:
        run_id: None where the process did not come to say it. The run is looked for then, and where there is none,
            one is made, so that each trial has its own.

    Returns:
        The run's id; None where it is not known and the store is away: `sweeps doctor`, and a resume, find it.
    """
    try:
        with answering():
            run_id = run_id or _run_of(store, number) or start_trial(store, parent, number, {})
    except StoreUnavailable:
        return None
    close_run(store, run_id, "FAIL", "FAILED", error)
    return run_id


def _run_of(store: Store, number: int) -> str | None:
    found = store.client.search_runs([store.experiment_id], f"tags.`{NUMBER}` = '{number}'", max_results=1)
    return str(found[0].info.run_id) if found else None


def start_trial(store: Store, parent: str, number: int, tags: Mapping[str, str]) -> str:
    """The id of a new run for a trial."""
    return start_run(store, f"trial-{number:04d}", {NUMBER: str(number), STATE: "RUNNING", **tags}, parent)
