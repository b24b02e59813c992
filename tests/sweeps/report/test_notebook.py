"""A result as a notebook shows it."""

from __future__ import annotations

import pytest
from support import Workspace
from synthetic import synthetic_study

import sweeps
from sweeps.report import notebook
from sweeps.study.results import TrialRow


@pytest.fixture
def result(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> sweeps.Result:
    monkeypatch.chdir(finished.folder)
    monkeypatch.delenv("SWEEPS_HOME", raising=False)
    return sweeps.Result("digits-mlp")


def test_a_result_shows_its_winner_its_best_trials_and_its_history(result: sweeps.Result) -> None:
    shown = result._repr_html_()
    assert f"<b>best val_accuracy {result.best.value:.4f}</b>" in shown
    assert shown.count("<tr>") == 1 + min(5, result.status.trials["COMPLETE"])
    assert "logistic regression" in shown
    assert "<script" not in shown


def test_a_study_without_a_trial_that_ended_well_shows_its_states() -> None:
    shown = notebook.as_html(synthetic_study(4, failed=1))
    assert "4 FAIL of 4 trials" in shown
    assert "<table" not in shown


def test_the_history_has_a_point_for_each_trial_and_a_line_that_never_falls() -> None:
    study = synthetic_study(30, pruned=0, failed=0)
    shown = notebook.as_html(study)
    assert shown.count("<circle") == 30
    line = shown.partition('points="')[2].partition('"')[0]
    heights = [float(point.partition(",")[2]) for point in line.split()]
    assert len(heights) == 30
    assert heights == sorted(heights, reverse=True)


def test_names_of_hyperparameters_are_text() -> None:
    study = synthetic_study(3, pruned=0, failed=0)
    for trial in study.get_trials(deepcopy=False):
        trial.user_attrs["params"] = {"<img src=x>": "<b>bold</b>", "a": trial.number}
    assert "<img" not in notebook.as_html(study)
    assert "&lt;img src=x&gt;" in notebook.as_html(study)


def test_the_trials_are_a_table_and_stay_a_list_too(result: sweeps.Result) -> None:
    frame = result.trials_dataframe()
    assert list(frame["trial"]) == [row.number for row in result.trials] == list(range(6))
    assert list(frame.columns[:5]) == ["trial", "state", "val_accuracy", "epoch", "seconds"]
    assert frame["val_accuracy"].max() == result.best.value
    assert frame.loc[result.best.trial, "learning_rate"] == result.best.params["learning_rate"]
    assert frame.loc[result.best.trial, "run_id"] == result.best.run_id
    assert all(isinstance(row, TrialRow) for row in result.trials)


def test_the_history_is_a_figure_and_the_report_a_file(result: sweeps.Result) -> None:
    assert result.plot_history() == sweeps.plots.history("digits-mlp")
    assert result.report("of-result.html").read_text().startswith("<!doctype html>")
    assert result.report().name == "report.html"
