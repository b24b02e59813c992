"""Figures of validation rows are of rows that the model was not trained with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest

from sweeps.confirm.ensemble import EnsembleFigures
from sweeps.data import DataSource, folds, from_arrays
from sweeps.engine.test_rows import validation_of
from sweeps.study import results
from sweeps.study.attributes import DATA, IDENTITY, REPETITION

X = np.arange(100.0)[:, np.newaxis]
LOADED = from_arrays(X, np.arange(100) % 2, DataSource("numbers"))
SEED = 3


@pytest.fixture
def of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a study, of which every run is a trial with that repetition."""
    optuna.logging.disable_default_handler()

    def make(options: dict[str, int], repetition: dict[str, Any] | None = None) -> optuna.Study:
        study = optuna.create_study()
        study.set_user_attr(IDENTITY, {"digest": LOADED.digest, "seed": SEED, "options": options})
        study.set_user_attr(DATA, {})
        known = {} if repetition is None else {REPETITION: repetition}
        trial = optuna.trial.create_trial(value=0.5, user_attrs=known)
        monkeypatch.setattr(results, "trial_of", lambda study, run_id: trial)
        return study

    return make


def assert_rows(found: tuple[Any, ...], expected: Any) -> None:
    np.testing.assert_array_equal(found[0], expected.validation.x)


def test_a_trial_of_several_folds_was_validated_on_the_last_one(of: Any) -> None:
    assert_rows(validation_of(of({}), "run", LOADED), LOADED)
    assert_rows(validation_of(of({"folds": 5}), "run", LOADED), folds(LOADED, 5, SEED)[-1])


def test_a_repetition_was_validated_on_the_rows_of_its_own(of: Any) -> None:
    repetition = {"seed": 1, "fold": 2, "folds": 4, "split": 9}
    for options in ({}, {"folds": 5}):
        assert_rows(validation_of(of(options, repetition), "run", LOADED), folds(LOADED, 4, 9)[2])
    of_seeds = {"seed": 1, "fold": None, "folds": None, "split": None}
    assert_rows(validation_of(of({"folds": 5}, of_seeds), "run", LOADED), LOADED)


def test_an_ensemble_is_not_compared_with_a_model_that_has_seen_the_rows(of: Any) -> None:
    best = SimpleNamespace(run_id="run", name="the default configuration")
    study = of({}, {"seed": 1, "fold": 2, "folds": 4, "split": 9})
    found = EnsembleFigures(LOADED)(study, None, None, best, None)  # type: ignore[arg-type]
    assert found["validation"] is None
    assert found["notes"][0] == (
        "not evaluated on the validation rows: the confirmation has trained the default configuration with other rows "
        "than those of the search"
    )
