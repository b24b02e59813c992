"""What a study may spend, and when it has had enough."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from sweeps.errors import InputError
from sweeps.study import retries
from sweeps.study.attributes import CONTINUES, CUT_SHORT, DEATH, PARAMS, SKIPPED
from sweeps.study.budget import Budget, saved, spent
from sweeps.study.claims import Claims
from sweeps.study.identity import Identity
from sweeps.study.objective_choice import check_reachable
from sweeps.study.rounds import ONE, Rounds
from sweeps.study.study import Objective, StudyRef, create, forget

#: of each trial
EPOCHS = 10
IDENTITY = Identity("mlp", "digits", "0", "val_accuracy", "maximize", EPOCHS, 0, ())
COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


class Sweep:
    """A study whose trials end as they are told to."""

    def __init__(self, folder: Path, budget: Budget, rounds: Rounds = ONE, direction: str = "maximize") -> None:
        self.ref = StudyRef("s", folder / "journal.log", "random", "none", EPOCHS, rounds=rounds)
        self.study = create(self.ref, replace(IDENTITY, direction=direction, options={"folds": rounds.folds}))
        self.claims, self.budget, self.slots = Claims(folder), budget, contextlib.ExitStack()

    def begin(self) -> optuna.Trial | None:
        """The next trial, which stays this process's; None where there is none."""
        trial = self.slots.enter_context(self.claims.claim(self.ref.open(), self.budget, None, self.ref.sampler_of))
        if trial is not None:
            trial.suggest_float("x", 0, 1)
        return trial

    def end(self, trial: optuna.Trial | None, epochs: int, state: TrialState = COMPLETE, value: float = 0.5) -> None:
        assert trial is not None
        for epoch in range(1, epochs + 1):
            trial.report(value, epoch)
        self.study.tell(trial, value if state == COMPLETE else None, state)

    def run(self, *ends: tuple[int, TrialState, float]) -> int:
        """Trials one after another, that end so, until none may begin; how many there were."""
        for count, end in enumerate(ends):
            trial = self.begin()
            if trial is None:
                return count
            self.end(trial, *end)
        return len(ends)


def test_pruned_trials_buy_others_and_the_budget_is_never_exceeded(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Budget(100, EPOCHS, 46))
    assert sweep.run(*[(EPOCHS, COMPLETE, 0.5), (2, PRUNED, 0.1)] * 50) == 7
    assert spent(sweep.study) == 4 * 10 + 3 * 2
    assert sweep.budget.missing(sweep.study) == 0


def test_the_total_ends_what_its_epochs_do_not(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Budget(3, EPOCHS, 1000))
    assert sweep.run(*[(EPOCHS, COMPLETE, 0.5)] * 9) == 3
    assert sweep.budget.reason(sweep.study) is None


def test_a_running_trial_holds_its_epochs_until_it_is_pruned(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Budget(100, EPOCHS, 25))
    one, two = sweep.begin(), sweep.begin()
    assert one is not None
    assert two is not None
    assert sweep.begin() is None
    assert sweep.budget.missing(sweep.study) > 0
    sweep.end(one, 3, PRUNED)
    three = sweep.begin()
    assert three is not None
    sweep.end(two, EPOCHS)
    assert sweep.begin() is None
    sweep.end(three, EPOCHS)
    assert (spent(sweep.study), saved(sweep.study)) == (23, 7)
    assert sweep.budget.missing(sweep.study) == 0
    reason = "of the budget of 25 epochs 23 are spent, which leaves no whole trial: ended after 3 of 100 trials"
    assert sweep.budget.reason(sweep.study) == reason


def test_a_retry_has_the_epochs_of_the_trial_that_died_and_comes_before_what_waits(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Budget(100, EPOCHS, 20))
    for x in (0.1, 0.2, 0.3):
        retries.enqueue(sweep.study, {"x": x}, {})
    sweep.run((EPOCHS, COMPLETE, 0.5))
    dead = sweep.begin()
    assert dead is not None
    dead.set_user_attr(CUT_SHORT, DEATH)
    sweep.end(dead, 6, FAIL)
    assert spent(sweep.study) == 16
    retries.retry(sweep.study, dead.number)
    assert sweep.budget.missing(sweep.study) > 0
    again = sweep.begin()
    assert again is not None
    assert again.params == dead.params
    assert sweep.begin() is None
    sweep.end(again, EPOCHS)
    assert spent(sweep.study) == 20
    assert sweep.begin() is None
    assert sweep.budget.missing(sweep.study) == 0


def test_a_resume_counts_what_was_spent_before(tmp_path: Path) -> None:
    budget = Budget(100, EPOCHS, 30)
    Sweep(tmp_path, budget).run(*[(EPOCHS, COMPLETE, 0.5)] * 2)
    forget(tmp_path / "journal.log")
    assert Sweep(tmp_path, budget).run(*[(EPOCHS, COMPLETE, 0.5)] * 5) == 1
    forget(tmp_path / "journal.log")
    assert Sweep(tmp_path, replace(budget, epochs=50)).run(*[(EPOCHS, COMPLETE, 0.5)] * 5) == 2


def test_failed_trials_have_cost_their_epochs_and_continued_ones_are_beside_the_budget(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Budget(100, EPOCHS, 30))
    sweep.run((4, FAIL, 0.1), (EPOCHS, COMPLETE, 0.5))
    retries.enqueue(sweep.study, {"x": 0.5}, {CONTINUES: 1})
    sweep.end(sweep.begin(), 99)
    assert spent(sweep.study) == 14


def test_what_pruning_saves_of_epochs_that_are_drawn_is_the_rest_of_those(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Budget(100, EPOCHS))
    trial = sweep.begin()
    assert trial is not None
    trial.set_user_attr(PARAMS, {"epochs": 6})
    sweep.end(trial, 2, PRUNED)
    assert saved(sweep.study) == 4


def test_epochs_that_ended_rounds_have_not_had_are_neither_spent_nor_left_out_of_what_pruning_saves(
    tmp_path: Path,
) -> None:
    sweep = Sweep(tmp_path, Budget(100, 3 * EPOCHS, 100), Rounds(folds=3))
    trial = sweep.begin()
    assert trial is not None
    trial.set_user_attr(SKIPPED, 6)  # its first round was stopped after 4 epochs of 10
    sweep.end(trial, 12, PRUNED)
    assert (spent(sweep.study), saved(sweep.study)) == (6, 24)
    assert sweep.run(*[(3 * EPOCHS, COMPLETE, 0.5)] * 9) == 3


@pytest.mark.parametrize(("direction", "values"), [("maximize", (0.5, 0.89, 0.9)), ("minimize", (1.5, 0.91, 0.9))])
def test_a_search_stops_once_its_objective_is_reached(
    tmp_path: Path, direction: str, values: tuple[float, ...]
) -> None:
    sweep = Sweep(tmp_path, Budget(100, EPOCHS, stop_at=0.9), direction=direction)
    assert sweep.run(*[(1, COMPLETE, value) for value in (*values, 0.9)]) == 3
    assert sweep.budget.missing(sweep.study) == 0
    reason = "val_accuracy 0.9 of trial 2 has reached 0.9: ended after 3 of 100 trials"
    assert sweep.budget.reason(sweep.study) == reason
    assert Budget(100, stop_at=0.95 if direction == "maximize" else 0.8).missing(sweep.study) == 97


def test_a_search_stops_after_trials_without_a_better_value_equal_and_pruned_ones_among_them(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Budget(100, EPOCHS, patience=3))
    values = [(1, COMPLETE, 0.5), (1, COMPLETE, 0.4), (1, PRUNED, 0.1), (1, COMPLETE, 0.6)]
    values += [(1, COMPLETE, 0.6), (1, FAIL, 0.9), (1, PRUNED, 0.1), (1, COMPLETE, 0.59), (1, COMPLETE, 0.9)]
    assert sweep.run(*values) == 8
    reason = "no trial of the last 3 was better than trial 3: ended after 7 of 100 trials"
    assert sweep.budget.reason(sweep.study) == reason
    assert replace(sweep.budget, patience=4).missing(sweep.study) == 93


def test_a_running_trial_that_gets_better_lets_the_search_go_on(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Budget(100, EPOCHS, patience=2))
    sweep.run((1, COMPLETE, 0.5))
    slow = sweep.begin()
    sweep.run((1, COMPLETE, 0.4), (1, COMPLETE, 0.4))
    assert sweep.begin() is None
    sweep.end(slow, 1, COMPLETE, 0.7)
    assert sweep.begin() is not None


def test_the_walk_through_a_small_space_is_a_reason(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Budget(20, EPOCHS))
    for kind in (0, 1):
        assert sweep.budget.reason(sweep.study) is None
        sweep.study.enqueue_trial({"kind": kind})
        trial = sweep.study.ask()
        trial.suggest_categorical("kind", [0, 1])
        sweep.study.tell(trial, 0.5)
    reason = "all configurations of the space are tried: ended after 2 of 20 trials"
    assert sweep.budget.reason(sweep.study) == reason


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [
        ("val_accuracy", 1.5, "--stop-at: val_accuracy is a number of 0..1, got 1.5"),
        ("val_accuracy", -0.1, "--stop-at: val_accuracy is a number of 0..1, got -0.1"),
        ("val_rmse", -1.0, "--stop-at: val_rmse is a number of 0..inf, got -1"),
        ("val_r2", 1.01, "--stop-at: val_r2 is a number of -inf..1, got 1.01"),
    ],
)
def test_a_value_that_the_objective_cannot_have_is_refused(metric: str, value: float, said: str) -> None:
    for reachable in (None, 0.5, 1.0):
        check_reachable(Objective(metric, "maximize"), reachable)
    check_reachable(Objective("val_accuracy_loss", "minimize"), -3.0)
    with pytest.raises(InputError) as error:
        check_reachable(Objective(metric, "maximize"), value)
    assert str(error.value) == said
