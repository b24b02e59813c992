"""Searches in this process are recorded like those of workers: their best model, and what an interruption leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuner_models import build_model

import sweeps
import sweeps.tuner as kt
from sweeps.doctor import examine
from sweeps.study import results
from sweeps.tuner.recorder import Recorder

pytestmark = [
    # KerasTuner's own loop, and its way to load weights
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning", "ignore:getName:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Skipping variable loading:UserWarning"),
]


class Watched(kt.RandomSearch):
    """Overrides a hook."""

    def on_trial_end(self, trial: Any) -> None:
        super().on_trial_end(trial)


class Box(kt.RandomSearch):
    """Searches a function; `ask` is called before each value."""

    ask: Callable[[float], None] = staticmethod(lambda x: None)

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> float:
        x = trial.hyperparameters.Float("x", -1.0, 1.0)
        type(self).ask(x)
        return float((x - 0.3) ** 2)


@pytest.fixture
def project(here: Path) -> str:
    """The name of a study in this folder's workspace."""
    return "recorded"


def box(project: str) -> Box:
    return Box(max_trials=3, seed=1, project_name=project)


def trials(project: str) -> list[tuple[int, str]]:
    assert not list(examine(project).findings)
    return [(trial.number, trial.state) for trial in results.rows(results.open_study(project))]


def test_the_best_model_is_logged_and_can_be_exported(project: str, digits: Any) -> None:
    tuner = Watched(build_model, "val_accuracy", max_trials=2, seed=3, project_name=project)
    tuner.search(*digits.train, epochs=2, validation_data=digits.valid, verbose=0)
    result = sweeps.Result(project)
    assert result.best.value == pytest.approx(tuner.oracle.get_best_trials()[0].score)
    (kept,) = tuner.get_best_models()
    for ours, theirs in zip(result.model().get_weights(), kept.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (result.export() / "model.keras").is_file()
    assert trials(project) == [(0, "COMPLETE"), (1, "COMPLETE")]


def test_an_interrupted_search_goes_on_with_the_trial_that_was_running(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def interrupted(x: float) -> None:
        asked.append(x)
        if len(asked) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Box, "ask", staticmethod(interrupted))
    with pytest.raises(KeyboardInterrupt):
        box(project).search(verbose=0)
    assert trials(project) == [(0, "COMPLETE"), (1, "FAIL")]
    tuner = box(project)
    tuner.get_trial_dir("7")  # makes a folder beside the study's files
    tuner.search(verbose=0)
    assert trials(project) == [(0, "COMPLETE"), (1, "FAIL"), (2, "COMPLETE"), (3, "COMPLETE")]
    assert asked[1] == asked[2]
    assert results.status(results.open_study(project)).total == len(tuner.oracle.trials) == 3


# KerasTuner runs it again, and then keeps the result that it had
@pytest.mark.filterwarnings("ignore:The use case of calling:DeprecationWarning")
def test_a_trial_that_keras_tuner_has_saved_and_the_study_has_not_is_recorded_by_the_next_search(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = Recorder.end

    def killed(recorder: Recorder, trial: Any) -> None:
        if trial.trial_id == "2":
            raise KeyboardInterrupt
        end(recorder, trial)

    monkeypatch.setattr(Recorder, "end", killed)
    with pytest.raises(KeyboardInterrupt):
        box(project).search(verbose=0)
    monkeypatch.setattr(Recorder, "end", end)
    assert trials(project)[-1] == (2, "FAIL")
    tuner = box(project)
    for _ in range(2):
        tuner.search(verbose=0)
        assert trials(project)[2:] == [(2, "FAIL"), (3, "COMPLETE")]
    last = tuner.oracle.get_trial("2")
    assert results.rows(results.open_study(project))[3].value == last.score
