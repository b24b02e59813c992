"""What is remembered: MLflow experiments, runs and models. The only room that imports mlflow."""

from tracking.store import Store, TrackingError, best_run, child_runs, find_store, open_store
from tracking.sweep_run import DataDescription, begin_sweep, close_run, end_sweep
from tracking.trial_run import TrialRun

__all__ = [
    "DataDescription",
    "Store",
    "TrackingError",
    "TrialRun",
    "begin_sweep",
    "best_run",
    "child_runs",
    "close_run",
    "end_sweep",
    "find_store",
    "open_store",
]
