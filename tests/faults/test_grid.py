"""A grid that several workers walk."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from sweeps.study import retries
from sweeps.study.budget import Budget
from sweeps.study.claims import Claims
from sweeps.study.identity import Identity
from sweeps.study.points import is_walked
from sweeps.study.samplers import make_sampler
from sweeps.study.study import StudyRef, create
from sweeps.trial import reaper
from sweeps.trial.checkpoint import Checkpoints


@pytest.mark.parametrize("ordered", [0, 1])
def test_no_point_of_a_grid_is_drawn_twice_or_left_out(ordered: int, tmp_path: Path) -> None:
    ref = StudyRef("grid", tmp_path / "journal.log", "grid", "none", sampler_options={"ordered": ordered})
    create(ref, Identity("mlp", "digits", "0", "val_accuracy", "maximize", 1, 0, ()))
    claims = Claims(tmp_path)
    running: list[tuple[optuna.Study, optuna.Trial]] = []
    points = []
    for _ in range(40):  # three at a time, each ended when a fourth would begin
        if len(running) == 3:
            study, trial = running.pop(0)
            study.tell(trial, 0.5)
        study = ref.open()
        study.stop = lambda: None  # type: ignore[method-assign]
        with claims.claim(study, Budget(100)) as claimed:
            if claimed is None:
                if is_walked(study):
                    break
                study, trial = running.pop(0)
                study.tell(trial, 0.5)
                continue
            kind = claimed.suggest_categorical("kind", ["one", "two"])
            width = claimed.suggest_int("width", 1, 3)
            points.append((kind, width, claimed.suggest_int("depth", 1, 2) if kind == "two" else 0))
            running.append((study, claimed))
    assert sorted(points) == sorted(set(points))
    assert len(points) == 3 + 6


@pytest.mark.parametrize("ordered", [0, 1])
@pytest.mark.parametrize("drawn", [0, 1])
@pytest.mark.parametrize("first", [False, True])
def test_a_trial_that_ends_before_it_has_drawn_all_does_not_end_the_grid(ordered: int, drawn: int, first: bool) -> None:
    study = optuna.create_study()
    ends: list[bool] = []
    study.stop = lambda: ends.append(True)  # type: ignore[method-assign]

    def run(names: tuple[str, ...]) -> optuna.Trial:
        study.sampler = make_sampler("grid", 0, len(study.trials), {"ordered": ordered})
        trial = study.ask()
        for name in names:
            trial.suggest_int(name, 1, 2)
        if len(names) == 2:
            study.tell(trial, 0.5)
        else:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return trial

    whole = None if first else run(("width", "depth"))
    if whole:
        study.enqueue_trial({"width": whole.params["width"]})
    broken = run(("width", "depth")[:drawn])
    retries.retry(study, broken.number)
    while not ends and len(study.trials) < 9:
        run(("width", "depth"))
    points = {tuple(trial.params.values()) for trial in study.trials if trial.state.name == "COMPLETE"}
    assert len(points) == 4


def test_a_trial_of_a_grid_whose_worker_died_before_it_drew_anything_is_tried_again(
    tmp_path: Path,
) -> None:
    ref = StudyRef("grid", tmp_path / "journal.log", "grid", "none")
    study = create(ref, Identity("mlp", "digits", "0", "val_accuracy", "maximize", 1, 0, ()))
    retries.enqueue(study, {"width": 2}, {})
    study = ref.open()
    study.ask()  # by a worker that is gone
    outcome = reaper.died(study, Checkpoints(tmp_path), 0, "killed by signal 9")
    assert (outcome.number, outcome.state) == (0, "KILLED")
    dead, again = study.get_trials()
    assert (dead.state.name, again.state.name) == ("FAIL", "WAITING")
    assert again.system_attrs["fixed_params"] == {"width": 2}
