"""Which export takes the place of a damaged one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweeps.doctor.export import _again
from sweeps.study import results


@pytest.fixture
def of_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study whose best trial is 4, and which has run "mine" with the value 0.5."""
    trials = {"mine": SimpleNamespace(value=0.5)}
    monkeypatch.setattr(results, "open_study", lambda name: None)
    monkeypatch.setattr(results, "best", lambda study: SimpleNamespace(trial=4))
    monkeypatch.setattr(results, "trial_of", lambda study, run_id: trials.get(run_id))


@pytest.mark.usefixtures("of_study")
@pytest.mark.parametrize(
    ("run_id", "value", "trial"), [("mine", 0.5, 2), ("mine", 0.4, None), ("of a former study", 0.5, None)]
)
def test_a_trial_is_exported_again_only_if_the_study_has_it(
    run_id: str, value: float, trial: int | None, tmp_path: Path
) -> None:
    manifest: dict[str, Any] = {"trial": 2, "run_id": run_id, "value": value, "formats": {"keras": {}}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    request, remedy = _again(tmp_path, "s")
    assert request is not None
    assert (request.trial, request.formats) == (trial, ("keras",))
    assert remedy == f"exports {'the best model' if trial is None else 'trial 2'} again"


@pytest.mark.parametrize(
    ("formats", "options"),
    [(("keras", "savedmodel"), ""), (("keras", "savedmodel", "onnx"), " --format keras,savedmodel,onnx")],
)
def test_an_ensemble_is_exported_again_in_its_formats(
    formats: tuple[str, ...], options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeps.export.formats.find_spec", lambda name: None)  # the extra is gone
    monkeypatch.delenv("SWEEPS_FROM_MAKE", raising=False)
    manifest = {"ensemble": {"members": [{}, {}]}, "formats": {name: {} for name in formats}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert _again(tmp_path, "s") == (None, f"export it again: sweeps export s --ensemble 2{options} --force")
