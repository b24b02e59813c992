"""Every goal of the table is there, with what was measured and by how much it was missed."""

from __future__ import annotations

import pytest

from benchmarks.goals import goals, over_floor, ratio, seconds_a_trial, services
from benchmarks.records import Goal, Machine, Results
from benchmarks.show import verdict


def goal(results: Results, words: str) -> Goal:
    """The goal whose figure begins so."""
    [found] = [each for each in results.goals if each.figure.startswith(words)]
    return found


def test_seconds_a_trial_are_the_median_of_the_repetitions(results: Results) -> None:
    assert results.speed is not None
    assert seconds_a_trial(results.speed, "keras_tuner", 3) == 25
    assert seconds_a_trial(results.speed, "this", 3) == 1.5
    assert ratio(results.speed, "keras_tuner", 3) == pytest.approx(25 / 1.5)


def test_a_goal_that_is_reached_is_met(results: Results) -> None:
    found = goal(results, "seconds a trial, KerasTuner ÷ this (3")
    assert (found.measured, found.met) == (pytest.approx(16.67, abs=0.01), True)
    assert verdict(found) == "met"


def test_a_goal_that_is_missed_says_by_how_much_from_below(results: Results) -> None:
    found = goal(results, "seconds a trial, KerasTuner ÷ this (10")
    assert (found.measured, found.met) == (10, False)
    assert verdict(found) == "missed by 33%"


def test_a_goal_that_is_missed_says_by_how_much_from_above(results: Results) -> None:
    assert verdict(goal(results, "the same at trial 1,000")) == "missed by 150%"
    assert verdict(goal(results, "a worker's memory")) == "missed by 9%"


def test_what_was_not_measured_is_neither_met_nor_missed(results: Results) -> None:
    found = goal(results, "seconds a trial, Ray Tune")
    assert (found.measured, found.met, found.missed_by) == (None, None, 0)
    assert verdict(found) == "not measured"


def test_training_is_held_against_the_products_of_as_many_epochs(results: Results) -> None:
    assert results.speed is not None
    # 1.1 s of training and validation; (0.4 + 0.04) / 2 s of products an epoch
    assert over_floor(results.speed, 3) == pytest.approx(1.1 / 0.66)
    assert over_floor(results.speed, 10) == pytest.approx(1.1 / 2.2)


def test_mlflow_and_optuna_are_a_share_of_the_trial(results: Results) -> None:
    assert results.speed is not None
    assert services(results.speed, 3) == pytest.approx(0.025)


def test_the_second_core_is_held_against_the_median_of_one(results: Results) -> None:
    assert goal(results, "trials an hour").measured == 2


def test_all_goals_are_listed_when_nothing_was_measured(results: Results) -> None:
    nothing = goals(Results(machine=Machine(cpu="", cores=1, versions={})))
    assert [(each.figure, each.wanted, each.at_least) for each in nothing] == [
        (each.figure, each.wanted, each.at_least) for each in results.goals
    ]
    assert {each.met for each in nothing} == {None}
    assert [each.wanted for each in nothing if each.at_least] == [15, 25, 12, 15, 1.8, 40, 40]
    at_most = [1.1, 1.1, 0.02, 0.02, 0.15, 0.2, 0.3, 1.1, 1.15, 2.5, 0.5, 700, 0.5]
    assert [each.wanted for each in nothing if not each.at_least] == at_most
