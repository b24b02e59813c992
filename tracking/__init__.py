"""Experiments, runs and models in MLflow; the only package that imports mlflow."""

from __future__ import annotations

import os

# MLflow reads these when it is imported
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"  # overrides the user's setting: nothing here needs pickles
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# by default MLflow retries 7 times, even requests that create something, and blocks a trial for 4 minutes; here
# `tracking.spool` keeps what was not sent and sends it later, so that it counts once
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")

from tracking.errors import Damaged, OtherSchema, Refused, StoreUnavailable, TrackingError, Unwritable, translate_errors
from tracking.experiments import EpochValue, epoch_curves
from tracking.model_place import ModelPlace
from tracking.reading import SweepFacts, attach, phase_seconds, seconds_of, sweep_facts
from tracking.run_writer import RunWriter
from tracking.store import Store, child_runs, find_store, import_soon_needed, open_store
from tracking.sweep_run import (
    DataDescription,
    SweepResults,
    begin_sweep,
    close_run,
    close_trial,
    end_sweep,
    log_document,
    log_results,
)
from tracking.trial_run import TrialRun

__all__ = [
    "Damaged",
    "DataDescription",
    "EpochValue",
    "ModelPlace",
    "OtherSchema",
    "Refused",
    "RunWriter",
    "Store",
    "StoreUnavailable",
    "SweepFacts",
    "SweepResults",
    "TrackingError",
    "TrialRun",
    "Unwritable",
    "attach",
    "begin_sweep",
    "child_runs",
    "close_run",
    "close_trial",
    "end_sweep",
    "epoch_curves",
    "find_store",
    "import_soon_needed",
    "log_document",
    "log_results",
    "open_store",
    "phase_seconds",
    "seconds_of",
    "sweep_facts",
    "translate_errors",
]
