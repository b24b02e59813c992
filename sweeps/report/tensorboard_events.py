"""TensorBoard event files, derived from a study and its MLflow runs.

They are written on demand and not by the trials, so that trials take no longer and MLflow remains the only record.
TensorFlow is not needed.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from sweeps.study.attributes import PARAMS, RUN_ID
from sweeps.study.study import objective_of
from tracking import EpochValue, Refused, Store, epoch_curves
from tracking.audit import is_running

#: TensorBoard reads files with "tfevents" in their name
EVENTS = "events.out.tfevents.sweeps"

_STATUS = {
    TrialState.COMPLETE: api_pb2.STATUS_SUCCESS,
    TrialState.PRUNED: api_pb2.STATUS_SUCCESS,
    TrialState.FAIL: api_pb2.STATUS_FAILURE,
}


class StudyEvents:
    """The event files of a study in a folder, in the layout of Keras's TensorBoard callback:

        trial-0007/train/         epoch_loss, epoch_accuracy, … while the trial runs
        trial-0007/validation/    the same for the validation set
        trial-0007/               once it has ended: its active hyperparameters, its status, and the objective's best
                                  value up to each epoch, by which the HParams tab compares trials

    Steps are epochs from 1, as in MLflow.
    """

    def __init__(self, study: optuna.Study, store: Store, folder: Path) -> None:
        self._study, self._store, self._folder = study, store, folder
        self._objective = objective_of(study)
        #: for each trial that has not ended, the last epoch that was written of each metric
        self._running: dict[int, dict[str, int]] = {}
        self._ended: set[int] = set()

    def refresh(self) -> int:
        """Append new events; return the number of trials with event files.

        Raises:
            StoreUnavailable: the MLflow store is unavailable now.
        """
        for trial in self._study.get_trials(deepcopy=False):
            if trial.number not in self._ended and RUN_ID in trial.user_attrs:
                with contextlib.suppress(Refused):  # the run was deleted
                    self._write(trial)
        return len(self._ended) + len(self._running)

    def _write(self, trial: FrozenTrial) -> None:
        folder = self._folder / f"trial-{trial.number:04d}"
        if not (folder / EVENTS).exists():  # written last
            run_id = trial.user_attrs[RUN_ID]
            # asked before the metrics are read; a run's last metrics may arrive after the trial has ended in the study
            ended = trial.state.is_finished() and not is_running(self._store, run_id)
            curves = epoch_curves(self._store, run_id)
            if trial.number not in self._running:  # files of a process that ended before the trial did
                shutil.rmtree(folder, ignore_errors=True)
            _write_curves(folder, curves, self._running.setdefault(trial.number, {}))
            if not ended:
                return
            self._write_end(trial, folder, curves.get(self._objective.metric, []))
        self._ended.add(trial.number)
        self._running.pop(trial.number, None)

    def _write_end(self, trial: FrozenTrial, folder: Path, curve: list[EpochValue]) -> None:
        started, ended = (
            moment.timestamp() if moment else 0.0 for moment in (trial.datetime_start, trial.datetime_complete)
        )
        params = trial.user_attrs.get(PARAMS, trial.params)
        better = max if self._objective.direction == "maximize" else min
        best_values = accumulate((entry.value for entry in curve), better)
        best = [replace(entry, value=value) for entry, value in zip(curve, best_values, strict=True)]
        temporary = folder / "being-written"
        _append(
            temporary,
            [
                Event(wall_time=started, summary=hparams_pb(params, trial_id=folder.name, start_time_secs=started)),
                *(_scalar(f"best_{self._objective.metric}", entry) for entry in best),
                Event(wall_time=ended, summary=_session_end(_STATUS[trial.state], ended)),
            ],
        )
        temporary.rename(folder / EVENTS)


def _write_curves(folder: Path, curves: dict[str, list[EpochValue]], written: dict[str, int]) -> None:
    """Append the epochs after those in `written` (metric -> last epoch) and update `written`."""
    for part in ("train", "validation"):
        events = []
        for name in curves:
            if name.startswith("val_") == (part == "validation"):
                new = [entry for entry in curves[name] if entry.epoch > written.get(name, 0)]
                events += [_scalar(f"epoch_{name.removeprefix('val_')}", entry) for entry in new]
        _append(folder / part / EVENTS, events)
    written |= {name: curve[-1].epoch for name, curve in curves.items() if curve}


def _scalar(tag: str, at: EpochValue) -> Event:
    return Event(wall_time=at.seconds, step=at.epoch, summary=scalar_pb(tag, at.value))


def _session_end(status: int, seconds: float) -> Summary:
    """`tensorboard.plugins.hparams.summary.session_end_pb` without its import of TensorFlow."""
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=seconds)
    about = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=end))
    summary = Summary()
    summary.value.add(tag=metadata.SESSION_END_INFO_TAG, metadata=about, tensor=metadata.NULL_TENSOR)
    return summary


def _append(file: Path, events: list[Event]) -> None:
    """Append events to a file; a new file begins with TensorBoard's version event."""
    if not events:
        return
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        events = [Event(wall_time=events[0].wall_time, file_version="brain.Event:2"), *events]
    with file.open("ab") as stream:
        writer = RecordWriter(stream)
        for event in events:
            writer.write(event.SerializeToString())
