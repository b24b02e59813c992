"""What MLflow's pages are told of a sweep."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from synthetic import synthetic_study

from sweeps.report.history import draw_history
from sweeps.report.sweep_page import note, results_of
from sweeps.study.view import StudyView
from tracking import Store
from tracking.views import NOTE_LENGTH, TrialsView

STORE = Store("sqlite:///none.db", "7")


def test_a_description_has_the_best_trials_with_links_and_fits_into_mlflow(here: Path) -> None:
    view = StudyView(synthetic_study(40))
    text = note(view, STORE, "parent")
    assert len(text) <= NOTE_LENGTH
    best = view.ranked()[0]
    rows = [line for line in text.splitlines() if line.startswith("| [#")]
    assert len(rows) == 10
    assert rows[0].startswith(f"| [#{best.number}](#/experiments/7/runs/")
    assert "(get-artifact?path=history.svg&run_uuid=parent)" in text


def test_the_best_so_far_is_a_curve_of_the_trials_that_improved_on_it(here: Path) -> None:
    study = synthetic_study(40)
    told = results_of(study, STORE, "parent")
    curve = [(step, value) for name, value, step, _ in told.metrics if name.startswith("best_")]
    values = [value for _, value in curve]
    assert values == sorted(values)
    assert values[-1] == StudyView(study).ranked()[0].value
    assert curve[-1][0] == len(StudyView(study).ranked())
    header, *rows = told.texts["leaderboard.csv"].splitlines()
    assert "params" not in header.split(",")
    assert len(rows) == 10


def test_a_study_without_a_complete_trial_is_described_too(here: Path) -> None:
    assert "No winner yet" in note(StudyView(synthetic_study(4, failed=1)), STORE, "parent")


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5], [0.1, 0.9, 0.8, 0.95, -1e9], [3e9, 2e9]])
def test_the_picture_of_a_history_is_whole_whatever_the_values(values: list[float]) -> None:
    drawn = ElementTree.fromstring(draw_history(values, [max(values[: n + 1]) for n in range(len(values))], "a<b"))
    across = [float(dot.attrib["cy"]) for dot in drawn.iter() if dot.tag.endswith("circle")]
    assert len(across) == len(values) + 1  # one is of the legend
    assert all(0 <= place <= 320 for place in across)


def test_a_view_orders_by_the_score_and_names_what_it_shows() -> None:
    view = TrialsView("Trials", "best_val_AUC%", True, ["n"], ["state", "seed"], ["val_AUC%"])
    state = view.state("trial")
    score, *others, description = state["selectedColumns"]
    assert state["orderByKey"] == score
    assert "%" not in score  # as MLflow stores it
    assert (others, description) == (["tags.`state`", "params.`n`", "tags.`seed`"], "attributes.`Description`")
    assert state["orderByAsc"]


def test_a_dashboard_that_is_not_installed_is_named_with_the_command(
    here: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    assert 'pip install "keras-sweeps[dashboard]"' in fails("dashboard", "any")
