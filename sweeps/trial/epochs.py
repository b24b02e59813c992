"""What happens at each epoch's end of a trial: record, report, keep the best weights, prune or stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import keras
import optuna

from sweeps.errors import InputError
from sweeps.study.attributes import UNDEFINED
from sweeps.study.objective_choice import no_such_metric
from sweeps.study.study import Objective

if TYPE_CHECKING:  # a tuner's client reads this file before it has time for MLflow
    from tracking import TrialRun


#: what is judged beside the objective: no model is of use once one of these is no finite number
LOSSES = ("loss", "val_loss")


class TrialInterrupted(Exception):
    """The sweep is ending, and with it this trial."""


class BadNumber(Exception):
    """A loss or the objective is not a finite number, or it is an accuracy above 1."""


class EpochWatch(keras.callbacks.Callback):  # type: ignore[misc]
    """The callback through which a trial is recorded and steered.

    Args:
        epochs: how many the trial has, at most.
        params: gives the active hyperparameters.
        tell: called with each epoch (from 1) and the value of the objective, None if it was not measured.
        stopped: whether the sweep is ending.
        patience: epochs without a better value after which it stops; None for never.
        after: the epoch before which it does not stop for that reason; a trial that is trained on begins with it.
        compared: whether the pruner compares it with other trials.

    Attributes:
        best, best_epoch: the best value of the objective so far and the epoch (from 1) that gave it.
        best_weights: those of the model after that epoch.
        followed: another callback acts on `stopped`.
    """

    def __init__(
        self,
        trial: optuna.Trial,
        run: TrialRun,
        objective: Objective,
        *,
        epochs: int,
        params: Callable[[], Mapping[str, object]],
        tell: Callable[[int, float | None], None],
        stopped: Callable[[], bool],
        patience: int | None = None,
        after: int = 0,
        compared: bool = True,
    ) -> None:
        super().__init__()
        self.trial, self.run, self.objective, self.epochs = trial, run, objective, epochs
        self.best: float | None = None
        self.best_epoch = 0
        self.stopped, self.followed, self.compared = stopped, False, compared
        self._epochs: list[dict[str, float]] = []
        self._undefined: dict[str, str] = {}
        self.best_weights: list[Any] = []
        self._active, self._tell, self._patience, self._after = params, tell, patience, after

    @property
    def history(self) -> dict[str, list[float]]:
        """By metric one value an epoch, NaN for an epoch without it."""
        names = dict.fromkeys(name for metrics in self._epochs for name in metrics)
        return {name: [metrics.get(name, math.nan) for metrics in self._epochs] for name in names}

    @property
    def epochs_done(self) -> int:
        """How many epochs it has been told of."""
        return len(self._epochs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record, report, and leave by an exception where the trial is not to go on.

        An epoch without the objective (`validation_freq=2`) is recorded; it is not compared.

        Raises:
            BadNumber: a loss or the objective is NaN or infinite, or it is an accuracy above 1.
            TrialInterrupted: the sweep is ending.
            optuna.TrialPruned: the pruner sees no prospect.
        """
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        value = self._value(metrics, epoch + 1)
        self.run.log_params(self._active())
        self._record(metrics, epoch + 1)
        self._tell(epoch + 1, value)
        if value is not None and self.objective.better(value, self.best):
            self.best, self.best_epoch = value, epoch + 1
            self.best_weights = self.model.get_weights()
        if self.stopped() and not self.followed:
            raise TrialInterrupted(f"interrupted after epoch {epoch + 1} of {self.epochs}")
        if value is None:
            return
        if self._patience is not None and epoch + 1 - max(self.best_epoch, self._after) >= self._patience:
            self.model.stop_training = True
            return
        # at the last epoch there is nothing left to save
        if self.compared and epoch + 1 < self.epochs and self.trial.should_prune():
            raise optuna.TrialPruned(f"pruned after epoch {epoch + 1} of {self.epochs}")

    def conclude(self, model: keras.Model, result: Any) -> float:
        """Give the model the weights of its best epoch, and return that epoch's value.

        Args:
            result: what the space's `fit` returned. Where it kept this callback from Keras, or no epoch had the
                objective, the figures are taken from there: a History, a dictionary of metrics, or the objective's
                value alone.

        Raises:
            InputError: neither an epoch nor `result` holds the objective.
        """
        logs = epoch_logs(result, self.objective.metric)
        if self.best is not None:
            model.set_weights(self.best_weights)
        elif not self._epochs:
            self.set_model(model)
            for epoch, metrics in enumerate(logs):
                self.on_epoch_end(epoch, metrics)
        elif logs and self.objective.metric in logs[-1]:
            self.best_epoch = self.epochs_done
            self.overrule({name: float(value) for name, value in logs[-1].items()})
        if self.best is None and self._epochs:
            raise no_such_metric(self.objective.metric, self._epochs[-1])
        if self.best is None:
            raise InputError(f"the space's fit must return a History, metrics or a number, got {result!r}")
        return self.best

    def overrule(self, metrics: Mapping[str, float]) -> None:
        """These are the trial's figures, not what its epochs have shown.

        Raises:
            BadNumber: as `on_epoch_end`.
        """
        value = self._value(metrics, self.best_epoch)
        if value is None:
            raise no_such_metric(self.objective.metric, metrics)
        self.best = value
        self._note_undefined(metrics)
        self.run.log_metrics(metrics, step=self.best_epoch)

    def state(self) -> dict[str, Any]:
        """What another attempt needs to go on, as `put_back` takes it."""
        return {
            "epochs": self._epochs,
            "best": self.best,
            "best_epoch": self.best_epoch,
            # those of the epoch that has just ended are the model's own
            "best_weights": None if self.best_epoch == self.epochs_done else self.best_weights,
        }

    def put_back(self, state: Mapping[str, Any], model: keras.Model) -> None:
        """Go on from another attempt's state: its epochs are recorded as this attempt's.

        Args:
            model: it has the weights of the last of those epochs.
        """
        for epoch, metrics in enumerate(state["epochs"], 1):
            self._record(metrics, epoch)
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.best_weights = model.get_weights() if state["best_weights"] is None else state["best_weights"]

    def _record(self, metrics: dict[str, float], epoch: int) -> None:
        """An epoch (from 1), in the trial's run and for the pruner."""
        self._epochs.append(metrics)
        self._note_undefined(metrics)
        self.run.log_metrics(metrics, step=epoch)
        if self.compared and self.objective.metric in metrics:
            self.trial.report(metrics[self.objective.metric], step=epoch)

    def _value(self, metrics: Mapping[str, float], epoch: int) -> float | None:
        asked = self.objective.metric
        for name in (*LOSSES, asked):
            if not math.isfinite(metrics.get(name, 0.0)):
                advice = "lower the learning rate or clip gradients"
                raise BadNumber(f"{name} is {metrics[name]} at epoch {epoch}; {advice}")
        if asked.removeprefix("val_") == "accuracy" and metrics.get(asked, 0.0) > 1:
            raise BadNumber(f"{asked} is {metrics[asked]} at epoch {epoch}; an accuracy is at most 1")
        return metrics.get(asked)

    def _note_undefined(self, metrics: Mapping[str, float]) -> None:
        """Metrics that are no finite numbers are recorded all the same; the study and the run say which they are."""
        new = {name: str(value) for name, value in metrics.items() if not math.isfinite(value)}
        if not new.keys() <= self._undefined.keys():
            self._undefined = new | self._undefined
            self.trial.set_user_attr(UNDEFINED, self._undefined)
            self.run.set_tags(
                {UNDEFINED: ", ".join(f"{name}={value}" for name, value in self._undefined.items())[:500]}
            )


def epoch_logs(result: Any, metric: str) -> list[dict[str, Any]]:
    """An epoch's logs each, of what a person's own `fit` returned; KerasTuner takes the same three."""
    if isinstance(result, keras.callbacks.History):
        count = max(map(len, result.history.values()), default=0)
        epochs: list[dict[str, Any]] = [{} for _ in range(count)]
        for name, values in result.history.items():
            for number, value in enumerate(values, 1):
                # of two values in four epochs (`validation_freq=2`) the first is the second epoch's
                epochs[number * (count // len(values)) - 1][name] = value
        return epochs
    if isinstance(result, Mapping):
        return [dict(result)]
    return [{metric: result}] if isinstance(result, (int, float)) else []
