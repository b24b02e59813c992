"""What the end of a sweep has cut short, as a person is told of it."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from synthetic import synthetic_study

from sweeps.report import facts
from sweeps.study import attributes, results
from sweeps.study.leaderboard import leaderboard
from sweeps.study.view import StudyView
from sweeps.system.locks import present

STOPPED = "interrupted in the middle of an epoch"


@pytest.fixture
def study(here: Path) -> optuna.Study:
    """Two trials that ended well, one that was interrupted and taken up, one that was not taken up, a failure, and one
    of which nobody knows whether a process works at it."""
    made = synthetic_study(2, pruned=0, failed=0)
    cut_short = {attributes.CUT_SHORT: attributes.INTERRUPTION, attributes.ERROR: STOPPED}
    made.add_trial(create_trial(state=TrialState.FAIL, user_attrs=cut_short))
    made.add_trial(create_trial(state=TrialState.COMPLETE, value=0.5, user_attrs={attributes.RETRY_OF: 2}))
    made.add_trial(create_trial(state=TrialState.FAIL, user_attrs=cut_short))
    made.add_trial(create_trial(state=TrialState.FAIL, user_attrs={attributes.ERROR: "ValueError: nan"}))
    made.ask()
    (here / "runs/studies/synthetic").mkdir(parents=True)
    return made


def test_it_is_no_failure_and_names_the_trial_that_goes_on(study: optuna.Study) -> None:
    rows = results.rows(study)
    assert [row.shown_state for row in rows[2:]] == ["INTERRUPTED", "COMPLETE", "INTERRUPTED", "FAIL", "INTERRUPTED"]
    assert [row.shown_error for row in rows[2:6]] == [
        f"{STOPPED}; goes on as trial 3",
        None,
        f"{STOPPED}; a resume goes on with it",
        "ValueError: nan",
    ]
    board = leaderboard(study, rows)
    assert [row["state"] for row in board.rows] == [row.shown_state for row in rows]


def test_programs_read_the_states_that_they_know(study: optuna.Study) -> None:
    rows, status = results.rows(study), results.status(study)
    assert [row.state for row in rows[2:]] == ["FAIL", "COMPLETE", "FAIL", "FAIL", "RUNNING"]
    assert status.trials == {"COMPLETE": 3, "PRUNED": 0, "FAIL": 3, "RUNNING": 1, "WAITING": 0}
    assert (status.interrupted, status.in_words) == ({"FAIL": 2, "RUNNING": 1}, "3 COMPLETE, 1 FAIL, 3 INTERRUPTED")


def test_what_a_live_sweep_runs_is_running(study: optuna.Study, here: Path) -> None:
    with present(here / "runs/studies/synthetic"):
        assert results.rows(study)[6].shown_state == "RUNNING"
        assert results.status(study).in_words == "3 COMPLETE, 1 FAIL, 1 RUNNING, 2 INTERRUPTED"


def test_the_report_counts_it_apart_from_failures(study: optuna.Study) -> None:
    view = StudyView(study)
    assert facts.errors(view).rows == [["1", "5", "ValueError: nan"]]
    assert ("interrupted", "3") in facts.tiles(view)
