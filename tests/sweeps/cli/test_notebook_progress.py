"""A running sweep as one output of a notebook's cell."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from sweeps.cli.notebook_progress import NotebookProgress
from sweeps.engine.scheduler import SearchBegun
from sweeps.study.study import Objective
from sweeps.trial.plan import EpochReport, OutcomeState, TrialOutcome


class Output:
    """A display handle that remembers what it has shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, content: Any) -> None:
        assert "<" not in repr(content).replace("<classes>", "")
        self.shown.append(content._repr_html_())


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> list[Output]:
    """The outputs of a cell, in place of IPython's, which is not installed with this package."""
    made: list[Output] = []

    def display(content: Any, display_id: bool = False) -> Any:
        assert display_id
        made.append(Output())
        made[-1].update(content)
        return made[-1]

    module = ModuleType("IPython.display")
    module.__dict__.update(display=display)
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return made


def test_one_output_shows_the_sweep_from_its_beginning_to_its_end(outputs: list[Output]) -> None:
    with NotebookProgress(2, 1, {}) as progress:
        assert "starting 1 workers" in outputs[0].shown[0]
        progress.begin(SearchBegun(Objective("val_accuracy", "maximize"), task="10 <classes>", warnings=("odd",)))
        progress.epoch(EpochReport(0, 1, 5, 0.25))
        progress._output.update(progress._shown())
        assert "1/5" in outputs[0].shown[-1]
        progress.trial(TrialOutcome(0, OutcomeState.COMPLETE, 0.75, 1.0, {"units": 4}))
    (output,) = outputs
    last = output.shown[-1]
    assert "task: 10 &lt;classes&gt;" in last
    assert "warning: odd" in last
    assert "best val_accuracy 0.7500, trial 0: units=4" in last
    assert "1/2 trials" in last
    assert "1/5" not in last


def test_a_study_that_lacks_nothing_says_so(outputs: list[Output]) -> None:
    with NotebookProgress(2, 1, {}):
        pass
    assert "no trial was missing" in outputs[0].shown[-1]


def test_an_interrupted_cell_keeps_what_it_has_shown(outputs: list[Output]) -> None:
    with pytest.raises(KeyboardInterrupt), NotebookProgress(2, 1, {}):
        raise KeyboardInterrupt
    assert "ended before its first trial" in outputs[0].shown[-1]
