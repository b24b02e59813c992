"""The rounds of a trial: what each is compared by, where it ends, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import optuna
import pytest
from numpy.testing import assert_array_equal

from sweeps.data import DataSource, from_arrays
from sweeps.study.rounds import Rounds, validation_of
from sweeps.study.samplers import WithinRound
from sweeps.study.study import Objective
from sweeps.trial.epochs import EpochWatch
from sweeps.trial.rounds import Round
from tracking import TrialRun

EPOCHS = 4


class Run:
    """Keeps what is logged, by name and step."""

    def __init__(self) -> None:
        self.metrics: dict[tuple[str, int], float] = {}

    def log_params(self, params: dict[str, Any]) -> None: ...

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.metrics |= {(name, step): value for name, value in metrics.items()}

    def of(self, name: str) -> list[float]:
        return [value for (metric, _), value in sorted(self.metrics.items()) if metric == name]


class Model:
    """Its weights say how many epochs it has had."""

    def __init__(self) -> None:
        self.stop_training, self.epochs = False, 0

    def get_weights(self) -> list[int]:
        return [self.epochs]

    def set_weights(self, weights: list[int]) -> None:
        (self.epochs,) = weights


class Trial:
    """A trial of rounds whose validation accuracies are given."""

    def __init__(self, *rounds: Sequence[float], trial: optuna.Trial | None = None, patience: int | None = None):
        self.trial, self.run = trial or optuna.create_study(direction="maximize").ask(), Run()
        self.rounds, self.patience = rounds, patience
        self.trained: list[list[dict[str, float]]] = []

    def begin(self, index: int) -> tuple[EpochWatch, Model]:
        self.watch = EpochWatch(
            self.trial,
            cast(TrialRun, self.run),
            Objective("val_accuracy", "maximize"),
            epochs=EPOCHS,
            params=dict,
            tell=lambda epoch, value: None,
            stopped=lambda: False,
            patience=self.patience,
            round=Round(f"fold_{index}", list(self.trained), index * EPOCHS, len(self.rounds) - index - 1),
        )
        model = Model()
        self.watch.set_model(model)
        return self.watch, model

    def train(self, index: int) -> tuple[EpochWatch, Model]:
        _, model = self.begin(index)
        for epoch, value in enumerate(self.rounds[index]):
            model.epochs += 1
            self.watch.on_epoch_end(epoch, {"loss": 1.0, "val_accuracy": value})
            if model.stop_training:
                break
        self.watch.conclude(cast(Any, model), None)
        self.trained.append(self.watch.epochs_trained)
        return self.watch, model

    def all(self) -> tuple[EpochWatch, Model]:
        return [self.train(index) for index in range(len(self.rounds))][-1]


FIRST, SECOND = (0.1, 0.9, 0.5, 0.2), (0.2, 0.3, 0.8, 0.4)


def test_the_value_is_that_of_the_epoch_with_the_best_mean_and_the_model_is_the_last_rounds_of_that_epoch() -> None:
    watch, model = Trial(FIRST, SECOND).all()
    assert (watch.best, watch.best_epoch) == (pytest.approx(0.65), 3)  # not 0.85, the mean of each round's best
    assert watch.values == [0.5, 0.8]
    assert model.epochs == 3


def test_each_round_is_reported_by_its_steps_as_the_mean_of_those_so_far() -> None:
    made = Trial(FIRST, SECOND)
    made.all()
    means = [pytest.approx(value) for value in (0.15, 0.6, 0.65, 0.3)]
    assert list(made.trial.study.get_trials()[0].intermediate_values.items()) == [
        *zip(range(1, 5), FIRST, strict=True),
        *zip(range(5, 9), means, strict=True),
    ]


def test_the_run_has_each_rounds_curve_and_at_the_end_the_mean_under_the_metrics_own_name() -> None:
    made = Trial(FIRST, SECOND)
    watch, _ = made.all()
    assert not made.run.of("val_accuracy")
    watch.log_means()
    assert made.run.of("val_accuracy") == pytest.approx([0.15, 0.6, 0.65, 0.3])
    assert watch.history["val_accuracy"] == pytest.approx([0.15, 0.6, 0.65, 0.3])
    assert [made.run.of(f"fold_{index}/val_accuracy") for index in (0, 1)] == [list(FIRST), list(SECOND)]


def test_a_round_ends_where_the_shortest_before_it_did_since_there_is_no_mean_beyond() -> None:
    made = Trial((0.1, 0.3, 0.2), FIRST, SECOND)
    watch, model = made.all()
    assert [len(epochs) for epochs in made.trained] == [3, 3, 3]
    assert model.stop_training
    assert watch.best_epoch == 2


def test_patience_is_that_of_the_first_round() -> None:
    made = Trial((0.5, 0.4, 0.3, 0.2), (0.5, 0.4, 0.3, 0.9), patience=2)
    made.all()
    assert [len(epochs) for epochs in made.trained] == [3, 3]
    made = Trial((0.1, 0.2, 0.3, 0.4), (0.5, 0.4, 0.3, 0.9), patience=2)
    assert made.all()[0].best_epoch == 4


def test_what_only_the_end_of_a_fit_tells_is_averaged_too() -> None:
    made = Trial((), ())
    for index, (epochs, value) in enumerate(((3, 0.5), (2, 0.8))):
        watch, model = made.begin(index)
        for epoch in range(epochs):
            watch.on_epoch_end(epoch, {"loss": 1.0})
        watch.conclude(cast(Any, model), {"val_accuracy": value})
        made.trained.append(watch.epochs_trained)
    assert (watch.best, watch.values) == (pytest.approx(0.65), [0.5, 0.8])
    assert made.run.of("fold_1/val_accuracy") == [0.8]


def trained_study(*trials: tuple[Sequence[float], ...]) -> optuna.Study:
    pruner = WithinRound(optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=2), EPOCHS)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for rounds in trials:
        made = Trial(*rounds, trial=study.ask())
        study.tell(made.trial, made.all()[0].best)
    return study


EASY, HARD, HOPELESS = (0.9, 0.9, 0.9, 0.9), (0.5, 0.5, 0.5, 0.5), (0.1, 0.1, 0.1, 0.1)


def test_a_trial_is_pruned_in_its_first_round_by_epoch_and_later_at_a_rounds_end() -> None:
    study = trained_study((EASY, HARD), (EASY, HARD))
    made = Trial(HOPELESS, HARD, trial=study.ask())
    with pytest.raises(optuna.TrialPruned):
        made.train(0)
    assert made.watch.epochs_done == 2
    assert made.run.of("val_accuracy") == [0.1, 0.1]
    # better than all in the first round, with the easy rows, and hopeless in the second
    made = Trial((0.95,) * 4, HOPELESS, HARD, trial=study.ask())
    first, _ = made.train(0)
    first.prune("after fold_0")
    second, _ = made.train(1)
    assert second.epochs_done == EPOCHS
    with pytest.raises(optuna.TrialPruned):
        second.prune("after fold_1")
    assert made.run.of("val_accuracy") == pytest.approx([0.525] * 4)


def test_without_rounds_a_trial_would_be_judged_by_its_easiest_one() -> None:
    study = trained_study((EASY, HARD), (EASY, HARD))
    assert isinstance(study.pruner, WithinRound)
    study.pruner = study.pruner._pruner
    made = Trial((0.95,) * 4, HOPELESS, trial=study.ask())
    made.train(0)
    made.train(1)[0].prune("not at all")


def test_rounds_have_names_seeds_and_rows_of_their_own() -> None:
    both, folds, repeats, one = Rounds(2, 3), Rounds(folds=2), Rounds(repeats=3), Rounds()
    assert [len(rounds) for rounds in (both, folds, repeats, one)] == [6, 2, 3, 1]
    assert [str(rounds) for rounds in (both, folds, repeats, one)] == [
        "3 repeats of 2 folds",
        "2 folds",
        "3 repeats",
        "",
    ]
    assert [both.name(index) for index in (0, 1, 2, 5)] == [
        *("repeat_0/fold_0", "repeat_0/fold_1", "repeat_1/fold_0", "repeat_2/fold_1")
    ]
    assert [folds.name(1), repeats.name(1), one.name(0)] == ["fold_1", "repeat_1", ""]
    seeds = [both.seed(7, index) for index in range(6)]
    assert len(set(seeds)) == 6
    assert seeds[0] == 7
    assert max(seeds) < 2**31
    data = from_arrays(np.arange(40.0)[:, np.newaxis], np.arange(40) % 2, DataSource("d"))
    rows = [both.data(data, index, 0).validation.x for index in range(6)]
    assert_array_equal(rows[0], rows[2])
    assert not {*np.ravel(cast(Any, rows[0]))} & {*np.ravel(cast(Any, rows[1]))}
    assert repeats.data(data, 2, 0) is data


@pytest.mark.parametrize(
    ("rows", "rounds", "metric", "said"),
    [
        (
            500,
            Rounds(),
            "val_accuracy",
            "100 rows, one row is 1 points; --folds 5 lowers the noise at 5 times the cost",
        ),
        (500, Rounds(), "val_loss", "100 rows; --folds 5 lowers the noise at 5 times the cost"),
        (10_000, Rounds(), "val_accuracy", ""),
        (10, Rounds(), "val_accuracy", ""),  # a class has four rows beside the test rows, which makes no five folds
        (500, Rounds(4), "val_loss", "4 folds of 400 training and validation rows; a trial's value is the mean, at 4"),
        (
            500,
            Rounds(1, 3),
            "val_loss",
            "100 rows; 3 repeats from other seeds; a trial's value is the mean, at 3 times",
        ),
    ],
)
def test_a_line_says_how_few_rows_trials_are_compared_on(rows: int, rounds: Rounds, metric: str, said: str) -> None:
    data = from_arrays(np.arange(float(rows))[:, np.newaxis], np.arange(rows) % 2, DataSource("d"))
    line = validation_of(rounds, data, metric)
    assert line.startswith(said)
    assert bool(line) == bool(said)
