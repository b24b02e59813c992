"""Studies side by side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from synthetic import BEGAN, synthetic_study

from sweeps.study import attributes, results
from sweeps.study.comparison import Comparison, compare


def study_of(name: str, values: list[float | None], epochs: int = 10, **identity: object) -> optuna.Study:
    """A study whose trials end one after another with these values; None: pruned after two epochs."""
    study = synthetic_study(0, name=name)
    study.set_user_attr(attributes.IDENTITY, study.user_attrs[attributes.IDENTITY] | identity)
    for number, value in enumerate(values):
        trained = 2 if value is None else epochs
        trial = create_trial(
            state=TrialState.PRUNED if value is None else TrialState.COMPLETE,
            value=value,
            intermediate_values={trained: 0.5},
            user_attrs={attributes.PARAMS: {"units": number, "rate": 0.1}},
        )
        trial.datetime_start = BEGAN
        trial.datetime_complete = BEGAN + timedelta(seconds=number + 1)
        study.add_trial(trial)
    return study


Compared = Callable[..., Comparison]


@pytest.fixture
def compared(here: object, monkeypatch: pytest.MonkeyPatch) -> Compared:
    """Compares studies that are in memory."""

    def run(*found: optuna.Study) -> Comparison:
        by_name = {study.study_name: study for study in found}
        monkeypatch.setattr(results, "open_study", by_name.__getitem__)
        return compare(list(by_name))

    return run


def test_a_longer_study_is_compared_at_equal_trials_and_at_equal_epochs(compared: Compared) -> None:
    found = compared(study_of("short", [0.8, 0.9]), study_of("long", [0.7, None, None, 0.85, 0.95]))
    assert found.figures["best"] == [0.9, 0.95]
    assert found.figures["best after 2 trials each"] == [0.9, 0.7]
    assert found.figures["best after 20 epochs each"] == [0.9, 0.7]  # 10 + 2 + 2, the next would be 24
    assert found.figures["epochs"] == [20, 34]


def test_only_what_differs_is_told(compared: Compared) -> None:
    first = study_of("first", [0.8, 0.9], hyperparameters={"units": "1..9", "rate": "0.1..1"})
    second = study_of("second", [0.8], hyperparameters={"units": "1..5", "rate": "0.1..1", "drop": "0..1"})
    second.set_user_attr(attributes.CONFIG, second.user_attrs[attributes.CONFIG] | {"sampler": "random"})
    found = compared(first, second)
    assert found.space == {"units": ["1..9", "1..5"], "drop": [None, "0..1"]}
    assert found.options == {"sampler": [None, "random"]}
    assert found.params == {"units": [1, 0]}
    assert found.note == ""


def test_other_data_and_other_objectives_are_said(compared: Compared) -> None:
    assert "data differ" in compared(study_of("a", [0.1]), study_of("b", [0.2], digest="other" * 5)).note
    found = compared(study_of("a", [0.1]), study_of("b", [0.2], objective="val_loss", direction="minimize"))
    assert (found.objective, found.direction) == (None, None)
    assert "objectives differ" in found.note


def test_a_study_without_a_finished_trial_has_no_figures_of_equal_effort(compared: Compared) -> None:
    found = compared(study_of("a", [0.1]), study_of("b", []))
    assert found.figures["best"] == [0.1, None]
    assert not [name for name in found.figures if "each" in name]
