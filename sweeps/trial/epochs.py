"""What happens at each epoch's end of a trial: record, report, keep the best weights, prune or stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import keras
import optuna

from sweeps.errors import InputError
from sweeps.study.attributes import UNDEFINED
from sweeps.study.figures import TRAIN_SECONDS
from sweeps.study.objective_choice import no_such_metric
from sweeps.study.study import Objective
from sweeps.trial.rounds import Round, mean

if TYPE_CHECKING:  # a tuner's client reads this file before it has time for MLflow
    from sweeps.trial.proxies import RunProxy, TrialProxy


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
        round: which of the trial's rounds this is; values are the means over it and those before it.
        timed: whether the seconds that its epochs have taken so far are one of their metrics, `TRAIN_SECONDS`.

    Attributes:
        best, best_epoch: the best value of the objective so far and the epoch (from 1) that gave it.
        best_weights: those of the model after that epoch.
        epochs_trained: the metrics of each.
        followed: another callback acts on `stopped`.
    """

    def __init__(
        self,
        trial: TrialProxy,
        run: RunProxy,
        objective: Objective,
        *,
        epochs: int,
        params: Callable[[], Mapping[str, object]],
        tell: Callable[[int, float | None], None],
        stopped: Callable[[], bool],
        patience: int | None = None,
        after: int = 0,
        compared: bool = True,
        round: Round = Round(),  # noqa: B008  # it is immutable
        timed: bool = False,
    ) -> None:
        super().__init__()
        self.trial, self.run, self.objective, self.epochs = trial, run, objective, epochs
        self.best: float | None = None
        self.best_epoch = 0
        self.stopped, self.followed, self.compared = stopped, False, compared
        self.round = round
        self.epochs_trained: list[dict[str, float]] = []
        self._undefined: dict[str, str] = {}
        self.best_weights: list[Any] = []
        self._active, self._tell, self._patience, self._after = params, tell, patience, after
        self._timed, self._since = timed, time.perf_counter()

    @property
    def history(self) -> dict[str, list[float]]:
        """By metric one value an epoch, NaN for an epoch without it."""
        epochs = self.round.means_of(self.epochs_trained)
        names = dict.fromkeys(name for metrics in epochs for name in metrics)
        return {name: [metrics.get(name, math.nan) for metrics in epochs] for name in names}

    @property
    def epochs_done(self) -> int:
        """How many epochs it has been told of."""
        return len(self.epochs_trained)

    @property
    def final(self) -> dict[str, float]:
        """The metrics of the best epoch; of the seconds those of all epochs."""
        epochs = self.round.means_of(self.epochs_trained)
        seconds = {name: value for name, value in epochs[-1].items() if name == TRAIN_SECONDS}
        return dict(epochs[self.best_epoch - 1]) | seconds

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Take the time."""
        self._since = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record, report, and leave by an exception where the trial is not to go on.

        An epoch without the objective (`validation_freq=2`) is recorded; it is not compared.

        Raises:
            BadNumber: a loss or the objective is NaN or infinite, or it is an accuracy above 1.
            TrialInterrupted: the sweep is ending.
            optuna.TrialPruned: the pruner sees no prospect.
        """
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        if self._timed:
            former = self.epochs_trained[-1][TRAIN_SECONDS] if self.epochs_trained else 0.0
            now = time.perf_counter()
            metrics[TRAIN_SECONDS], self._since = former + now - self._since, now
        self._value(metrics, epoch + 1)
        self.run.log_params(self._active())
        value = self._record(metrics, epoch + 1)
        self._tell(epoch + 1, value)
        if value is not None and self.objective.better(value, self.best):
            self.best, self.best_epoch = value, epoch + 1
            self.best_weights = self.model.get_weights()
        if self.stopped() and not self.followed:
            raise TrialInterrupted(f"interrupted after epoch {epoch + 1} of {self.epochs}")
        if self.round.most_epochs <= epoch + 1 < self.epochs:
            self.model.stop_training = True
        if value is None or self.round.former:
            return
        if self._patience is not None and epoch + 1 - max(self.best_epoch, self._after) >= self._patience:
            self.model.stop_training = True
            return
        # at the last epoch there is nothing left to save
        if epoch + 1 < self.epochs:
            self.prune(f"pruned after epoch {epoch + 1} of {self.epochs}")

    def prune(self, reason: str) -> None:
        """Raises: optuna.TrialPruned: the pruner sees no prospect."""
        if self.compared and self.trial.should_prune():
            self.log_means()
            raise optuna.TrialPruned(reason)

    def log_means(self) -> None:
        """Log the means over the rounds under the metrics' own names, where those are several."""
        for epoch, means in enumerate(self.round.means_of(self.epochs_trained) if self.round.name else (), 1):
            self.run.log_metrics(means, step=epoch)

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
        elif not self.epochs_trained:
            self.set_model(model)
            for epoch, metrics in enumerate(logs):
                self.on_epoch_end(epoch, metrics)
        elif logs and self.objective.metric in logs[-1]:
            self.best_epoch = self.epochs_done
            figures = {name: float(value) for name, value in logs[-1].items()}
            self.overrule(figures)
            self.epochs_trained[-1] |= figures
            self.best = mean(self.values)
        if self.best is None and self.epochs_trained:
            raise no_such_metric(self.objective.metric, self.epochs_trained[-1])
        if self.best is None:
            raise InputError(f"the space's fit must return a History, metrics or a number, got {result!r}")
        return self.best

    @property
    def values(self) -> list[float]:
        """The objective in each round so far, at the best epoch; at its end, where the rounds have it only there."""
        metric = self.objective.metric
        rounds = [*self.round.former, self.epochs_trained]
        at = [epochs[min(self.best_epoch, len(epochs)) - 1] for epochs in rounds]
        return [one[metric] if metric in one else epochs[-1][metric] for one, epochs in zip(at, rounds, strict=True)]

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
        self.run.log_metrics(self.round.named(metrics), step=self.best_epoch)

    def state(self) -> dict[str, Any]:
        """What another attempt needs to go on, as `put_back` takes it."""
        return {
            "epochs": self.epochs_trained,
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
        self.record(state["epochs"])
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.best_weights = model.get_weights() if state["best_weights"] is None else state["best_weights"]

    def record(self, epochs: Iterable[dict[str, float]]) -> None:
        """What another attempt has trained, as this attempt's."""
        for epoch, metrics in enumerate(epochs, 1):
            self._record(metrics, epoch)

    def _record(self, metrics: dict[str, float], epoch: int) -> float | None:
        """An epoch (from 1), in the trial's run and for the pruner; the objective's mean over the rounds so far."""
        self.epochs_trained.append(metrics)
        self._note_undefined(metrics)
        self.run.log_metrics(self.round.named(metrics), step=epoch)
        value = self.round.means(metrics, epoch).get(self.objective.metric)
        if self.compared and value is not None:
            self.trial.report(value, step=self.round.begun + epoch)
        return value

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
