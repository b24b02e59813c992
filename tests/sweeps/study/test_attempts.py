"""All attempts at a trial are one trial, which counts once."""

from __future__ import annotations

import optuna
import pytest

from sweeps.study import retries
from sweeps.study.attributes import COUNTS_FAILED, CUT_SHORT, DEATH, INTERRUPTION
from sweeps.study.study import missing


def failed(study: optuna.Study, cause: str | None = None) -> int:
    trial = study.ask()
    if cause:
        trial.set_user_attr(CUT_SHORT, cause)
    study.tell(trial, state=optuna.trial.TrialState.FAIL)
    return trial.number


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study()


def test_attempts_have_the_place_of_the_first_one(study: optuna.Study) -> None:
    first = failed(study)
    study.tell(study.ask(), 0.5)
    retries.retry(study, first)
    again = failed(study)
    study.tell(study.ask(), 0.5)
    trials = study.get_trials()
    assert [[each.number for each in tried] for tried in retries.by_trial(trials)] == [[0, 2], [1], [3]]
    assert [retries.place(trials, number) for number in range(4)] == [0, 1, 0, 2]
    assert retries.given_up(trials) == [trials[again]]


def test_a_trial_is_given_up_when_it_failed_by_itself_or_of_three_deaths(study: optuna.Study) -> None:
    failed(study, INTERRUPTION)
    number = failed(study, DEATH)
    for _ in range(2):
        assert retries.given_up(study.get_trials()) == []
        retries.retry(study, number)
        number = failed(study, DEATH)
    assert [trial.number for trial in retries.given_up(study.get_trials())] == [number]


def test_failures_count_towards_the_total_of_a_study_that_says_so(study: optuna.Study) -> None:
    number = failed(study)
    study.tell(study.ask(), 0.5)
    assert missing(study, 3) == 2
    study.set_user_attr(COUNTS_FAILED, True)
    assert missing(study, 3) == 1
    retries.retry(study, number)  # it is to be tried again
    assert missing(study, 3) == 2
