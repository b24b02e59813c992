"""What is remembered: MLflow experiments, runs and models. The only room that imports mlflow."""

from tracking.experiments import EpochValue, epoch_curves
from tracking.store import (
    Damaged,
    Refused,
    Store,
    StoreAway,
    TrackingError,
    answering,
    best_run,
    child_runs,
    find_store,
    import_soon_needed,
    open_store,
)
from tracking.sweep_run import DataDescription, begin_sweep, close_run, close_trial, end_sweep
from tracking.trial_run import TrialRun

__all__ = [
    "Damaged",
    "DataDescription",
    "EpochValue",
    "Refused",
    "Store",
    "StoreAway",
    "TrackingError",
    "TrialRun",
    "answering",
    "begin_sweep",
    "best_run",
    "child_runs",
    "close_run",
    "close_trial",
    "end_sweep",
    "epoch_curves",
    "find_store",
    "import_soon_needed",
    "open_store",
]
