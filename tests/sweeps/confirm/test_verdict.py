"""The choice among finalists that were trained again, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sweeps.confirm.verdict import judge
from sweeps.errors import TrialsFailed
from sweeps.study.confirmation import Finalist


def finalist(trial: int | None, values: list[float | None], n_params: int = 100, **others: object) -> Finalist:
    known = {"default": False, "params": {}, "search_value": 0.9, "seconds": 1.0} | others
    return Finalist(trial=trial, values=values, runs=[None] * len(values), n_params=n_params, **known)  # type: ignore[arg-type]


DEFAULT = finalist(0, [0.80, 0.82, 0.81, 0.79], default=True)


def test_means_and_intervals_are_those_of_scipy() -> None:
    better = [0.91, 0.90, 0.92, 0.90]
    judged = judge([finalist(7, better), DEFAULT], "maximize")
    winner = judged.finalists[0]
    expected = stats.ttest_1samp(better, 0).confidence_interval()
    assert winner.mean == pytest.approx(np.mean(better))
    assert winner.interval == pytest.approx(list(expected))
    paired = stats.ttest_rel(better, [value for value in DEFAULT.values if value is not None])
    assert winner.difference == pytest.approx(np.mean(better) - 0.805)
    assert winner.difference_interval == pytest.approx(list(paired.confidence_interval()))
    assert winner.optimism == pytest.approx(0.9 - np.mean(better))
    assert (judged.winner, judged.verdict) == (0, "better")
    assert judged.conclusion.startswith("trial 7 is better than the default by +0.1025 (95 %: ")
    assert judged.finalists[1].difference is None


def test_of_an_objective_that_is_minimized_lower_is_better_and_flattery_is_positive() -> None:
    lower = finalist(3, [0.50, 0.51, 0.49, 0.50], search_value=0.45)
    judged = judge([replace(DEFAULT, search_value=0.7), lower], "minimize")
    assert (judged.winner, judged.verdict) == (1, "better")
    assert judged.finalists[1].difference == pytest.approx(0.305)
    assert judged.finalists[1].optimism == pytest.approx(0.05)


def test_a_cheaper_finalist_within_one_standard_error_is_taken() -> None:
    large = finalist(5, [0.90, 0.92, 0.91, 0.93], n_params=1000)
    small = finalist(9, [0.91, 0.91, 0.90, 0.93], n_params=10)
    judged = judge([large, small, DEFAULT], "maximize")
    assert judged.finalists[judged.winner].trial == 9
    assert "trial 9 is cheaper than trial 5, which is at most one standard error better" in judged.conclusion
    clearly_worse = replace(small, values=[0.88, 0.90, 0.89, 0.91])
    assert judge([large, clearly_worse, DEFAULT], "maximize").winner == 0


def test_of_equal_sizes_the_one_that_trains_faster_is_cheaper() -> None:
    slow, fast = finalist(5, [0.90, 0.92], seconds=9.0), finalist(6, [0.92, 0.90], seconds=3.0)
    assert judge([slow, fast], "maximize").winner == 1


def test_the_default_is_taken_in_a_tie_and_it_is_said() -> None:
    luckier = finalist(4, [0.82, 0.80, 0.81, 0.80], n_params=1000)
    judged = judge([luckier, DEFAULT], "maximize")
    assert (judged.winner, judged.verdict) == (1, "tie")
    assert judged.conclusion.startswith("a tie with the default: trial 4 +0.0025 (95 %: -0.0")


def test_no_cheaper_finalist_takes_the_place_of_a_default_that_it_is_as_good_as() -> None:
    cheaper = finalist(4, [0.82, 0.80, 0.81, 0.80], n_params=1)
    judged = judge([cheaper, DEFAULT], "maximize")
    assert (judged.winner, judged.verdict) == (1, "tie")


def test_a_winner_whose_lead_may_be_chance_is_a_tie_too() -> None:
    judged = judge([finalist(4, [0.85, 0.80, 0.84, 0.82]), DEFAULT], "maximize")
    assert (judged.winner, judged.verdict) == (0, "tie")


def test_a_default_that_beats_all_others_is_said_to() -> None:
    judged = judge([finalist(4, [0.5, 0.52, 0.51, 0.5]), DEFAULT], "maximize")
    assert (judged.winner, judged.verdict) == (1, "tie")
    assert "with the default: no trial is better, the best of them is trial 4 -0.2975" in judged.conclusion


def test_no_cheap_finalist_wins_that_the_default_is_clearly_better_than() -> None:
    noisy = finalist(1, [0.99, 0.75, 0.99, 0.75], n_params=1000)
    cheap = finalist(2, [0.79, 0.81, 0.80, 0.78], n_params=1)
    judged = judge([noisy, cheap, DEFAULT], "maximize")
    assert judged.finalists[judged.winner].default


def test_a_finalist_with_a_failed_repetition_cannot_win() -> None:
    failed = finalist(1, [0.99, None, 0.99, 0.99], error="loss is nan at epoch 1")
    judged = judge([failed, DEFAULT], "maximize")
    assert judged.winner == 1
    assert (judged.finalists[0].mean, judged.finalists[0].difference) == (None, None)
    without_default = judge([replace(failed, default=True), finalist(2, [0.5, 0.6, 0.5, 0.6])], "maximize")
    assert (without_default.winner, without_default.verdict) == (1, None)
    assert "its training failed: loss is nan at epoch 1" in without_default.conclusion
    with pytest.raises(TrialsFailed, match="no finalist was trained again without a failure: trial 1: loss is nan"):
        judge([failed], "maximize")


def test_of_pure_noise_a_tie_with_the_default_is_the_usual_answer() -> None:
    random = np.random.default_rng(0)
    verdicts = []
    for _ in range(200):
        noise = random.normal(0.5, 0.02, (6, 4)).tolist()
        judged = judge([finalist(n, values, default=n == 0) for n, values in enumerate(noise)], "maximize")
        verdicts.append(judged.verdict)
    assert verdicts.count("tie") > 0.9 * len(verdicts)
