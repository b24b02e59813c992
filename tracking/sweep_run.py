"""The sweep's own run: configuration, data, versions; at the end the leaderboard and the winner."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from tracking.store import STATE, Store, log, start_run


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
    """End a run whose process died, with what is known of it."""
    log(store, run_id, tags={STATE: state, "error": error[:500]})
    store.client.set_terminated(run_id, status)
