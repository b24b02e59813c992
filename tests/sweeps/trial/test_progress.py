"""How often a trial's progress is saved."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import optuna
import pytest

from sweeps.study.study import Objective
from sweeps.trial import resume
from sweeps.trial.checkpoint import Checkpoints
from sweeps.trial.epochs import EpochWatch
from sweeps.trial.proxies import RunProxy
from sweeps.trial.resume import ResumableFit, TrialProgress

#: seconds that a checkpoint and an epoch take
CHECKPOINT, EPOCH = 0.2, 0.03


class SlowDisk(Checkpoints):
    """Or a slow network."""

    written = 0

    def write(self, number: int, document: str, arrays: Sequence[Any]) -> None:
        time.sleep(CHECKPOINT)
        self.written += 1


class Run:
    """Keeps nothing."""

    def log_params(self, params: dict[str, Any]) -> None: ...

    def log_metrics(self, metrics: dict[str, float], step: int) -> None: ...

    def set_tags(self, tags: dict[str, Any]) -> None: ...


def seconds_of_a_trial(checkpoints: Checkpoints) -> float:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("adam", "mse")
    trial: Any = optuna.create_study().ask()
    epochs = 30
    watch = EpochWatch(
        trial,
        cast(RunProxy, Run()),
        Objective("val_loss", "minimize"),
        epochs=epochs,
        params=dict,
        tell=lambda epoch, value: None,
        stopped=lambda: False,
    )
    progress = TrialProgress(checkpoints, 0, 0)
    pace = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: time.sleep(EPOCH))
    x, y = np.zeros((8, 4), "float32"), np.zeros((8, 3), "float32")
    began = time.perf_counter()
    fit = ResumableFit(model, 0, watch, progress, lambda: None)
    fit(x, y, validation_data=(x, y), epochs=epochs, verbose=0, callbacks=[pace, watch])
    progress.close()
    return time.perf_counter() - began


def test_slow_writing_of_checkpoints_takes_a_share_of_the_time_also_in_the_next_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(resume, "SHARE", 1.0)
    monkeypatch.setattr(TrialProgress, "seconds_per_weight", 0.0)
    seconds, disk = 0.0, SlowDisk(tmp_path)
    for _ in range(3):
        seconds += seconds_of_a_trial(disk)
    # nobody knows at first how long one takes
    assert 1 < disk.written <= 1 + seconds * resume.WRITING_SHARE / CHECKPOINT
