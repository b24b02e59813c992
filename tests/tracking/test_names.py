"""Names that MLflow does not take are stored under others, and come back as they were given."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest
from support import first_run

from tracking import Store, open_store
from tracking.audit import correct_metric, trial_runs
from tracking.experiments import epoch_curves, metrics_at
from tracking.names import safe_name
from tracking.trial_run import TrialRun

NAMES = ("units (layer 1)", "units [layer 1]", "units%", "units@", "MAP@5", "a//b", "../x", ".x", "größe", "x" * 1000)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder: Path = tmp_path_factory.mktemp("store")
    return open_store(f"sqlite:///{folder}/mlflow.db", "names", str(folder))


def test_a_name_that_mlflow_takes_is_left_as_it_is_and_others_stay_distinct() -> None:
    for name in ("val_accuracy", "a/b", "learning rate", "f1:macro", "größe", "x" * 250):
        assert safe_name(name) == name
    assert len({safe_name(name) for name in NAMES}) == len(NAMES)
    assert safe_name("units (layer 1)").startswith("units_layer_1_-")


def test_parameters_and_metrics_of_any_name_are_stored_and_read_back(store: Store) -> None:
    with TrialRun(store, "parent", 0, {}) as run:
        run.log_params({name: position for position, name in enumerate(NAMES)})
        for epoch in (1, 2):
            run.log_metrics({name: epoch + position / 100 for position, name in enumerate(NAMES)}, step=epoch)
        run.log_metrics({"best_MAP@5": 2.04}, step=2)
        run.state = "COMPLETE"
    stored = store.client.get_run(run.run_id).data
    assert stored.params == {safe_name(name): str(position) for position, name in enumerate(NAMES)}
    assert stored.tags[f"name.{safe_name('MAP@5')}"] == "MAP@5"
    curves = epoch_curves(store, run.run_id)
    assert {name: [at.value for at in curve] for name, curve in curves.items()} == {
        name: [1 + position / 100, 2 + position / 100] for position, name in enumerate(NAMES)
    }
    assert metrics_at(store, run.run_id, 1)["units%"] == 1.02
    (row,) = trial_runs(store)
    assert row.metrics["best_MAP@5"] == 2.04
    correct_metric(store, run.run_id, "best_MAP@5", 3.0, 2)
    (row,) = trial_runs(store)
    assert row.metrics["best_MAP@5"] == 3.0


def test_what_is_no_finite_number_never_ranks_first(store: Store) -> None:
    for number, value in enumerate((0.5, math.inf, -math.inf, math.nan, 0.25), 1):
        with TrialRun(store, "parent", number, {}) as run:
            run.log_metrics({"val_AUC%": value}, step=1)
            run.state = "COMPLETE"
        time.sleep(0.01)
    for maximize, expected in ((True, 0.5), (False, 0.25)):
        first = first_run(store, "val_AUC%", maximize)
        assert first.data.metrics[safe_name("val_AUC%")] == expected
