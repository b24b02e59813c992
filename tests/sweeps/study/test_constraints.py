"""Limits that the best trial keeps: how they are read, and what a study makes of a trial that breaks one."""

from __future__ import annotations

import math
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from sweeps.config import load_config
from sweeps.errors import InputError
from sweeps.study import results
from sweeps.study.attributes import INFEASIBLE
from sweeps.study.budget import Budget
from sweeps.study.constraints import Constraint, broken, check_metrics, parse_constraints
from sweeps.study.identity import Identity
from sweeps.study.study import StudyRef, create, objective_of

IDENTITY = Identity("mlp", "digits", "0", "val_accuracy", "maximize", 3, 0, ())


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("n_params<=200000", "n_params<=200000"),
        (" val_accuracy >= 0.9 ", "val_accuracy>=0.9"),
        ("n_params<=2e5", "n_params<=200000"),
        ("MAP@5 (macro):x<=1_000", "MAP@5 (macro):x<=1000"),
        ("val_loss<=-1.25", "val_loss<=-1.25"),
    ],
)
def test_a_constraint_is_a_metric_or_a_figure_and_its_limit(given: str, read: str) -> None:
    assert load_config({"constraint": [given]}).constraint == (read,)


@pytest.mark.parametrize(
    "text", ["n_params", "n_params<5", "n_params=5", "<=5", "n_params<=", "n_params<=many", "a<=nan", "1<=x<=2"]
)
def test_what_is_no_constraint_is_refused(text: str) -> None:
    with pytest.raises(InputError) as error:
        load_config({"constraint": [text]})
    assert str(error.value) == f"--constraint: NAME<=NUMBER or NAME>=NUMBER is wanted, got {text!r}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("n_params<=100", "n_params>=200"), "n_params>=200 and n_params<=100 cannot both hold"),
        (("n_params<=100", "n_params<=200"), "n_params has two limits, n_params<=100 and n_params<=200; one is wanted"),
        (("val_accuracy>=1.5",), "val_accuracy is a number of 0..1, so val_accuracy>=1.5 cannot hold"),
        (("model_bytes<=-1",), "model_bytes is a number of 0..inf, so model_bytes<=-1 cannot hold"),
    ],
)
def test_constraints_that_cannot_be_kept_are_refused(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError) as error:
        load_config({"constraint": given})
    assert str(error.value) == f"--constraint: {said}"


def test_a_constraint_that_names_nothing_is_refused_with_what_there_is() -> None:
    constraints = parse_constraints(["val_loss<=1", "n_params<=5", "latency<=2"])
    check_metrics(constraints[:2], {"val_loss": 0.5})
    with pytest.raises(InputError, match=r"named 'latency'; there are val_loss, n_params, .*, latency_ms$"):
        check_metrics(constraints, {"val_loss": 0.5})


def test_a_value_is_beyond_a_limit_by_a_share_of_it() -> None:
    most, least = Constraint("n_params", "<=", 200.0), Constraint("val_accuracy", ">=", 0.8)
    assert (most.violation(300.0), most.violation(200.0), most.violation(100.0)) == (0.5, 0.0, -0.5)
    assert least.violation(0.6) == pytest.approx(0.25)
    assert Constraint("val_loss", "<=", 0.0).violation(0.5) == 0.5
    assert 0 < most.violation(math.nan) < math.inf
    values = {"n_params": 203530.0, "val_accuracy": 0.85}
    assert broken((most, least), values) == "n_params is 203,530, not <= 200"
    assert broken((least,), {}) == ""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> optuna.Study:
    """Its best value breaks a constraint, as does a trial that was not trained."""
    monkeypatch.chdir(tmp_path)
    made = create(StudyRef("s", tmp_path / "journal.log"), IDENTITY)
    for value, violation in ((0.8, -0.1), (0.9, 0.5), (None, 2.0)):
        trial = made.ask()
        trial.set_constraint("n_params<=5", violation)
        if violation > 0:
            trial.set_user_attr(INFEASIBLE, "n_params is 7, not <= 5")
        made.tell(trial, value, TrialState.PRUNED if value is None else TrialState.COMPLETE)
    return made


def test_a_trial_that_breaks_a_constraint_counts_and_is_never_the_best(study: optuna.Study) -> None:
    now = results.status(study)
    assert (now.best, now.infeasible) == (0.8, 2)
    assert now.in_words == "2 COMPLETE, 1 PRUNED; 2 beyond the constraints"
    assert Budget(5).missing(study) == 2
    assert [trial.number for trial in objective_of(study).ranked(study.trials)] == [0]
    assert Budget(9, stop_at=0.85).missing(study) == 6  # no trial that counts has reached it
    assert [row.infeasible for row in results.rows(study)] == [None, *["n_params is 7, not <= 5"] * 2]


def test_a_study_of_which_no_trial_keeps_the_constraints_says_so(study: optuna.Study) -> None:
    only = create(StudyRef("t", Path("t/journal.log")), IDENTITY)
    trial = only.ask()
    trial.set_constraint("val_loss<=0.1", 3.0)
    only.tell(trial, 0.9)
    with pytest.raises(InputError, match=r"no COMPLETE trial that keeps its constraints .*\(1 COMPLETE; 1 beyond"):
        results.best(only)


def test_the_sampler_learns_of_what_was_not_trained(tmp_path: Path) -> None:
    """Trials with a large `x` are not trained, and more and more of those that are drawn have a small one."""
    ref = StudyRef("s", tmp_path / "journal.log", "tpe", "none", sampler_options={"startup": 10})
    create(ref, IDENTITY)
    drawn = []
    for number in range(60):
        study = ref.open()
        study.sampler = ref.sampler_of(number)
        trial = study.ask()
        drawn.append(trial.suggest_float("x", 0, 10))
        trial.set_constraint("x<=2", drawn[-1] - 2)
        study.tell(trial, None if drawn[-1] > 2 else 0.5, TrialState.PRUNED if drawn[-1] > 2 else TrialState.COMPLETE)
    small = [x <= 2 for x in drawn]
    assert sum(small[:10]) < 6
    assert sum(small[30:]) > 20
