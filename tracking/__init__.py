"""What is remembered: MLflow experiments, runs and models. The only room that imports mlflow."""

from __future__ import annotations

import os

# read by MLflow when it is imported
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"  # whatever a person has set: nothing here needs it
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# MLflow itself would send everything up to 8 times, creations too, and let a trial wait for 4 minutes; what is not
# delivered is kept here, and sent again so that it counts once
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")

from tracking.answers import Damaged, OtherSchema, Refused, StoreUnavailable, TrackingError, Unwritable, answering
from tracking.experiments import EpochValue, epoch_curves
from tracking.store import Store, child_runs, find_store, import_soon_needed, open_store
from tracking.sweep_run import DataDescription, begin_sweep, close_run, close_trial, end_sweep
from tracking.trial_run import TrialRun

__all__ = [
    "Damaged",
    "DataDescription",
    "EpochValue",
    "OtherSchema",
    "Refused",
    "Store",
    "StoreUnavailable",
    "TrackingError",
    "TrialRun",
    "Unwritable",
    "answering",
    "begin_sweep",
    "child_runs",
    "close_run",
    "close_trial",
    "end_sweep",
    "epoch_curves",
    "find_store",
    "import_soon_needed",
    "open_store",
]
