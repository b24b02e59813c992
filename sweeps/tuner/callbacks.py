"""The callbacks of a trial: copies of the user's, and those that report to the engine."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import keras_tuner
from keras_tuner.src.engine import tuner_utils

from sweeps.system import worker_process
from sweeps.trial.epochs import EpochWatch, TrialInterrupted
from sweeps.tuner.results import metrics_of


class ObjectiveReporter(keras.callbacks.Callback):  # type: ignore[misc]
    """Passes the epochs whose logs hold the objective to the trial's `EpochWatch`.

    Where none do, the result of `HyperModel.fit` is the trial's.
    """

    def __init__(self, watch: EpochWatch, objective: keras_tuner.Objective) -> None:
        super().__init__()
        self.watch, self.objective = watch, objective

    def set_model(self, model: keras.Model) -> None:
        """Set the model of the watch too, which keeps its weights."""
        super().set_model(model)
        self.watch.set_model(model)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Pass the epoch on; the watch raises to end the trial."""
        metrics = metrics_of(self.objective, logs or {})
        if self.objective.name in metrics:
            self.watch.on_epoch_end(epoch, metrics)


class BestWeights(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the weights of the best epoch of several executions, and ends them when the sweep is stopped.

    Args:
        objective: KerasTuner's.
        best, weights: the objective's best value so far, and its weights.
    """

    def __init__(self, objective: keras_tuner.Objective, best: float | None, weights: list[Any]) -> None:
        super().__init__()
        self.objective, self.best, self.weights = objective, best, weights

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the weights if they are the best, or if the objective is not in the logs.

        Raises:
            TrialInterrupted: the sweep is being stopped.
        """
        metrics = metrics_of(self.objective, logs or {})
        value = metrics.get(self.objective.name)
        if value is None or self.best is None or self.objective.better_than(value, self.best):
            self.best, self.weights = value, self.model.get_weights()
        if worker_process.stop_requested():
            raise TrialInterrupted(f"interrupted after epoch {epoch + 1}")


def copied_callbacks(
    callbacks: Sequence[keras.callbacks.Callback], hp: keras_tuner.HyperParameters, trial_id: str, execution: int
) -> list[keras.callbacks.Callback]:
    """Copies of the user's callbacks for one execution.

    As in KerasTuner, TensorBoard writes to `log_dir/TRIAL/executionN`, and records the hyperparameters.
    """
    copied: list[keras.callbacks.Callback] = copy.deepcopy(list(callbacks))
    for callback in list(copied):
        if type(callback).__name__ == "TensorBoard":
            callback.log_dir = str(Path(callback.log_dir) / trial_id / f"execution{execution}")
            copied.append(_hparams(callback.log_dir, hp, trial_id))
    return copied


def _hparams(folder: str, hp: keras_tuner.HyperParameters, trial_id: str) -> keras.callbacks.Callback:
    from tensorboard.plugins.hparams import api

    values = tuner_utils.convert_hyperparams_to_hparams(hp, api)
    return api.KerasCallback(writer=folder, hparams=values, trial_id=trial_id)
