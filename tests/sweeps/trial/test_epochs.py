"""Which figures of a trial are judged: losses and the objective, of epochs and of what a `fit` of one's own returns."""

from __future__ import annotations

import math
from typing import Any, cast

import keras
import optuna
import pytest

from sweeps.errors import InputError
from sweeps.study.study import Objective
from sweeps.trial.epochs import BadNumber, EpochWatch, epoch_logs
from tracking import TrialRun


class Run:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.metrics: list[dict[str, float]] = []
        self.tags: dict[str, Any] = {}

    def log_params(self, params: dict[str, Any]) -> None: ...

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.metrics.append(metrics)

    def set_tags(self, tags: dict[str, Any]) -> None:
        self.tags |= tags


class Model:
    """Has no weights."""

    def get_weights(self) -> list[Any]:
        return []


def watch(objective: str) -> EpochWatch:
    trial = optuna.create_study().ask()
    run = cast(TrialRun, Run())
    made = EpochWatch(
        trial,
        run,
        Objective(objective, "maximize"),
        epochs=3,
        params=dict,
        tell=lambda epoch, value: None,
        stopped=lambda: False,
    )
    made.set_model(Model())
    return made


LOGS = {"loss": 1.0, "val_loss": 1.0, "val_accuracy": 0.5}


@pytest.mark.parametrize(
    ("objective", "logs", "said"),
    [
        ("val_accuracy", {"loss": math.nan}, "loss is nan at epoch 1"),
        ("val_accuracy", {"val_loss": math.inf}, "val_loss is inf at epoch 1"),
        ("val_accuracy", {"val_accuracy": math.nan}, "val_accuracy is nan at epoch 1"),
        ("val_accuracy", {"val_accuracy": 1.5}, "an accuracy is at most 1"),
        ("val_auc", {"val_auc": -math.inf}, "val_auc is -inf at epoch 1"),
    ],
)
def test_a_loss_or_an_objective_that_is_no_number_fails_the_trial(
    objective: str, logs: dict[str, float], said: str
) -> None:
    made = watch(objective)
    with pytest.raises(BadNumber, match=said):
        made.on_epoch_end(0, LOGS | logs)
    made = watch(objective)
    made.on_epoch_end(0, LOGS | {objective: 0.5})
    with pytest.raises(BadNumber, match=said):
        made.overrule(LOGS | logs)


def test_other_metrics_are_recorded_as_they_are_and_named() -> None:
    made = watch("val_accuracy")
    # an accuracy in per cent is nothing to be judged where another metric is searched for
    for epoch, value in enumerate((0.25, math.nan, math.inf)):
        made.on_epoch_end(epoch, LOGS | {"val_auc": value, "accuracy": 93.0})
    run = cast(Any, made.run)
    assert [str(metrics["val_auc"]) for metrics in run.metrics] == ["0.25", "nan", "inf"]
    assert run.tags == {"not_finite": "val_auc=nan"}
    assert made.trial.user_attrs["not_finite"] == {"val_auc": "nan"}
    assert made.best == 0.5


def test_an_epoch_without_the_objective_is_recorded_and_not_compared() -> None:
    made = watch("val_accuracy")
    for epoch, logs in enumerate([{"loss": 3.0}, {"loss": 2.0, "val_accuracy": 0.7}, {"loss": 1.0}]):
        made.on_epoch_end(epoch, logs)
    assert (made.best, made.best_epoch) == (0.7, 2)
    assert made.trial.study.trials[0].intermediate_values == {2: 0.7}
    assert made.history["loss"] == [3.0, 2.0, 1.0]
    assert [math.isnan(value) for value in made.history["val_accuracy"]] == [True, False, True]


def test_an_objective_that_no_epoch_has_comes_from_what_fit_returns() -> None:
    made = watch("score")
    made.on_epoch_end(0, {"loss": 3.0})
    assert made.conclude(cast(Any, Model()), {"score": 0.25}) == 0.25
    unsaid = watch("score")
    unsaid.on_epoch_end(0, {"loss": 3.0})
    with pytest.raises(InputError, match="no metric is named 'score'"):
        unsaid.conclude(cast(Any, Model()), None)


def test_a_history_of_every_second_validation_has_its_values_in_their_epochs() -> None:
    history = keras.callbacks.History()
    history.history = {"loss": [4.0, 3.0, 2.0, 1.0], "val_loss": [3.5, 1.5]}
    assert [logs.get("val_loss") for logs in epoch_logs(history, "val_loss")] == [None, 3.5, None, 1.5]
