"""What the report says of a winner that was confirmed, and of the default configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from synthetic import synthetic_study

from sweeps.report import facts, html
from sweeps.report.sections import evaluated
from sweeps.study import results
from sweeps.study.attributes import DEFAULTS, MODEL_URI
from sweeps.study.confirmation import Confirmation, Finalist
from sweeps.study.view import StudyView
from sweeps.system import paths
from tracking import SweepFacts

TEST = {
    "rows": 4,
    "looks": 1,
    "metrics": {"accuracy": 0.75},
    "accuracy": 0.75,
    "interval": [0.3006, 0.9544],
    "classes": [{"class": name, "precision": 0.75, "recall": 0.75, "support": 2} for name in ("cat", "dog")],
    "confusion": [[2, 0], [1, 1]],
}


@pytest.fixture
def study() -> optuna.Study:
    study = synthetic_study(12, pruned=0, failed=0)
    for trial in study.get_trials(deepcopy=False):
        trial.user_attrs[MODEL_URI] = f"models:/{trial.number}"
        trial.user_attrs["run_id"] = f"{trial.number:032x}"
    return study


def confirmation(study: optuna.Study) -> Confirmation:
    """The best two trials, of which the second has won."""
    first, second = results.top(study, 2)
    finalists = [
        Finalist(first.number, True, {}, first.value, [0.80, 0.82], ["a", "b"], 0.81, [0.68, 0.94], optimism=0.09),
        Finalist(
            second.number,
            False,
            {},
            second.value,
            [0.84, 0.86],
            ["c", "d"],
            0.85,
            [0.72, 0.98],
            0.04,
            [0.01, 0.07],
            0.05,
        ),
    ]
    winner = study.trials[second.number].user_attrs
    said = f"trial {second.number} is better than the default by +0.0400 (95 %: +0.0100 to +0.0700)"
    return Confirmation(
        *(study.study_name, "val_accuracy", "maximize", 10, "folds", [0, 1], 2, {"test": 4}, finalists, 1, "better"),
        *(said, winner["run_id"], winner[MODEL_URI]),
        test=TEST,
    )


def test_a_confirmed_winner_has_its_mean_its_interval_and_the_default_beside_it(
    here: Path, study: optuna.Study
) -> None:
    found = confirmation(study)
    file = paths.confirmation(study.study_name)
    file.parent.mkdir(parents=True)
    file.write_text(found.to_json())
    page = html.render(StudyView(study), "sweeps run", SweepFacts({}, {}))
    assert "Winner, confirmed" in page
    assert '<p class="value">0.8500 <span>val_accuracy</span></p>' in page
    assert "95 % interval 0.7200 to 0.9800" in page
    assert "is better than the default by +0.0400" in page
    assert "better by 0.0500." in page
    assert f"* {found.best.trial}</td>" in page
    assert "4 test rows, looked at once: accuracy 0.7500" in page
    assert "Not confirmed" not in page
    assert "On the test rows" in page
    card = facts.card(StudyView(study), {}, found)
    assert card.compared[0] == facts.Compared("default configuration", "0.8100", "better by 0.0400")


def test_a_finalist_that_failed_says_why(study: optuna.Study) -> None:
    found = confirmation(study)
    broken = replace(found.finalists[0], mean=None, error="ValueError: loss is nan")
    table = facts.finalists(replace(found, finalists=[broken, found.finalists[1]]))
    assert table.rows[0] == [f"  {broken.trial} (default)", "failed"]
    assert f"{broken.name}: ValueError: loss is nan" in table.text


def test_without_a_confirmation_the_default_is_its_trial_of_the_search(here: Path, study: optuna.Study) -> None:
    best, other = study.best_trial, study.trials[0]
    assert facts.card(StudyView(study), {}).compared == []
    study.set_user_attr(DEFAULTS, other.params)
    (row,) = facts.card(StudyView(study), {}).compared
    assert (row.name, row.value) == ("default configuration", f"{other.value:.4f}")
    assert row.difference == f"better by {best.value - other.value:.4f}"  # type: ignore[operator]
    study.set_user_attr(DEFAULTS, best.params)
    (row,) = facts.card(StudyView(study), {}).compared
    assert row.difference == "it itself"


def test_a_confusion_matrix_has_the_true_classes_as_rows() -> None:
    section = evaluated("test", "On the test rows", TEST)
    matrix, by_class = section.figures.values()
    assert [list(row) for row in matrix.data[0].text] == [[2, 0], [1, 1]]
    assert [list(row) for row in matrix.data[0].z] == [[1.0, 0.0], [0.5, 0.5]]
    assert list(matrix.data[0].y) == ["cat", "dog"]
    assert [trace.name for trace in by_class.data] == ["precision", "recall"]
    assert section.text == "4 rows: accuracy 0.7500 (95 %: 0.3006 to 0.9544)."


def test_a_regression_has_the_distribution_of_its_errors() -> None:
    quantiles = {"0.05": -2000.0, "0.5": 10.0, "0.95": 2500.0}
    figures = {"rows": 9, "metrics": {}, "r2": 0.5, "rmse": 1234.5, "absolute_error": quantiles, "residuals": quantiles}
    section = evaluated("validation", "On the validation rows", figures)
    assert section.text == "9 rows: R2 0.5000, rmse 1,234.5, half of the errors below 10.0000."
    assert list(section.figures["validation-0"].data[0].y) == [-2000.0, 10.0, 2500.0]
