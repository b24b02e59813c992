"""What a report reads of a sweep's runs, and its own place among their artifacts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from tracking.errors import translate_errors
from tracking.store import STATE, Store

#: the tag of a trial's run that says where its seconds went, by part: a dictionary as JSON
SECONDS = "seconds"
#: how the metrics begin that said so in earlier versions
_SECONDS = "seconds_"


@dataclass(frozen=True)
class SweepFacts:
    """The parent run's parameters and tags."""

    params: Mapping[str, str]
    tags: Mapping[str, str]


def sweep_facts(store: Store, run_id: str) -> SweepFacts:
    """What the parent run says of a sweep.

    Raises:
        TrackingError: the store cannot be read, or has no such run.
    """
    with translate_errors():
        data = store.client.get_run(run_id).data
    return SweepFacts(dict(data.params), dict(data.tags))


def phase_seconds(store: Store, parent: str, most: int) -> tuple[dict[str, float], int]:
    """Where the seconds of the newest COMPLETE trials went: seconds by phase ("build", "train", …), summed over the
    trials, and the number of trials.

    Args:
        most: number of runs to look at.

    Raises:
        TrackingError: the store cannot be read.
    """
    query = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}' AND tags.`{STATE}` = 'COMPLETE'"
    with translate_errors():
        runs = store.client.search_runs([store.experiment_id], query, max_results=most)
    seconds, trials = Counter[str](), 0
    for run in runs:
        phases = seconds_of(run)
        trials += bool(phases)
        seconds.update(phases)
    return dict(seconds), trials


def seconds_of(run: Run) -> dict[str, float]:
    """The seconds of a trial by part, as its run says; empty where it does not."""
    if (told := run.data.tags.get(SECONDS)) is not None:
        return {str(name): float(value) for name, value in json.loads(told).items()}
    metrics = run.data.metrics.items()
    return {name.removeprefix(_SECONDS): value for name, value in metrics if name.startswith(_SECONDS)}


def attach(store: Store, run_id: str, file: Path) -> None:
    """Make a file an artifact of a run; an earlier one of that name is replaced.

    Raises:
        TrackingError: the store cannot be written.
    """
    with translate_errors():
        store.client.log_artifact(run_id, str(file))
