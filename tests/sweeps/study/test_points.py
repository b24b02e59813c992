"""No point of a space is trained twice, and a space of few points ends a search."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from sweeps.space.fingerprint import SPACE_VERSION
from sweeps.study import retries
from sweeps.study.attributes import CONTINUES, CUT_SHORT, INTERRUPTION
from sweeps.study.budget import Budget
from sweeps.study.claims import Claims
from sweeps.study.draft import Draft, NothingNew, Repeated
from sweeps.study.identity import Identity
from sweeps.study.points import is_walked, remaining_points
from sweeps.study.samplers import SAMPLERS
from sweeps.study.study import StudyRef, create

IDENTITY = Identity("mlp", "digits", "0", "val_accuracy", "maximize", 1, 0, ())
Space = Callable[[optuna.Trial], None]


def four(trial: optuna.Trial) -> None:
    trial.suggest_categorical("kind", ["one", "two"])
    trial.suggest_int("width", 8, 16, step=8)


def mixed(trial: optuna.Trial) -> None:
    """One point, and endlessly many."""
    if trial.suggest_categorical("kind", ["one", "many"]) == "many":
        trial.suggest_float("rate", 0, 1)


class Slots:
    """A study, and workers at it in this process."""

    def __init__(self, folder: Path, sampler: str = "tpe", space: Space = four) -> None:
        self.ref = StudyRef("s", folder / "journal.log", sampler, "none", sampler_options={})
        self.study = create(self.ref, IDENTITY)
        self.claims, self.space = Claims(folder), space

    def draw(self, held: contextlib.ExitStack | None = None) -> optuna.Trial | None:
        """A trial whose point is drawn; None where there is none."""
        study = self.ref.open()
        study.stop = lambda: None  # type: ignore[method-assign]
        with contextlib.ExitStack() as own:
            trial = (held or own).enter_context(self.claims.claim(study, Budget(20), None, self.ref.sampler_of))
            if trial is None:
                return None
            draft = Draft(trial, self.ref, self.claims.turn)
            while True:
                try:
                    self.space(trial)
                    draft.settle()
                    return trial
                except Repeated:
                    draft.redraw()

    def tell(self, trial: optuna.Trial, state: TrialState = TrialState.COMPLETE) -> None:
        self.study.tell(trial, 0.5 if state == TrialState.COMPLETE else None, state)

    def run(self, fails: Callable[[optuna.Trial], bool] = lambda _: False) -> list[tuple[object, ...]]:
        """Draw and end trials until there is none to draw; their points."""
        points = []
        while (trial := self.draw()) is not None:
            points.append(tuple(trial.params.values()))
            self.tell(trial, TrialState.FAIL if fails(trial) else TrialState.COMPLETE)
        return points


@pytest.mark.parametrize("sampler", sorted(set(SAMPLERS) - {"gp"}))
def test_a_space_of_four_points_has_four_trials_whatever_draws_them(tmp_path: Path, sampler: str) -> None:
    slots = Slots(tmp_path, sampler)
    points = slots.run()
    assert (len(points), len(set(points))) == (4, 4)
    assert is_walked(slots.study)
    assert len(slots.study.get_trials()) == 4


def test_what_runs_in_another_slot_is_not_drawn_and_only_its_end_ends_the_search(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    with contextlib.ExitStack() as held:
        running = [slots.draw(held) for _ in range(4)]
        assert len({tuple(trial.params.values()) for trial in running if trial}) == 4
        assert slots.draw() is None
        assert not is_walked(slots.study)
        for trial in running:
            assert trial is not None
            slots.tell(trial)
    assert is_walked(slots.study)


def test_a_slot_that_is_about_to_draw_the_last_point_leaves_none_for_another_one(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    for _ in range(3):
        trial = slots.draw()
        assert trial is not None
        slots.tell(trial)
    with slots.claims.claim(slots.ref.open(), Budget(20)) as about_to_draw:
        assert about_to_draw is not None
        assert slots.draw() is None
        assert not is_walked(slots.study)


def test_values_that_are_held_back_are_stored_all_at_once(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    with slots.claims.claim(slots.ref.open(), Budget(20)) as trial:
        assert trial is not None
        draft = Draft(trial, slots.ref, slots.claims.turn)
        four(trial)
        assert slots.study.get_trials()[0].params == {}
        draft.settle()
        assert slots.study.get_trials()[0].params == trial.params
        assert trial.suggest_int("later", 1, 1) == 1
        assert "later" in slots.study.get_trials()[0].params


def test_a_point_that_failed_is_left_alone_while_there_are_others(tmp_path: Path) -> None:
    points = Slots(tmp_path).run(lambda trial: trial.params == {"kind": "one", "width": 8})
    assert sorted(points) == [("one", 8), ("one", 16), ("two", 8), ("two", 16)]


def test_where_nothing_but_failures_is_there_they_may_be_drawn_again(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    for _ in range(6):
        trial = slots.draw()
        assert trial is not None
        slots.tell(trial, TrialState.FAIL)


def test_a_retry_and_a_trial_that_is_trained_on_have_the_point_that_they_are_of(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    first = slots.draw()
    assert first is not None
    slots.tell(first)
    retries.enqueue(slots.study, first.params, {CONTINUES: first.number})
    continued = slots.draw()
    assert continued is not None
    assert continued.params == first.params
    continued.set_user_attr(CUT_SHORT, INTERRUPTION)
    slots.tell(continued, TrialState.FAIL)
    retries.retry(slots.study, continued.number)
    again = slots.draw()
    assert again is not None
    assert again.params == first.params


def test_what_waits_to_be_run_is_not_drawn(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    with slots.claims.claim(slots.ref.open(), Budget(20)) as trial:
        assert trial is not None
        for kind, width in (("one", 8), ("one", 16), ("two", 8)):
            retries.enqueue(slots.study, {"kind": kind, "width": width}, {})
        draft = Draft(trial, slots.ref, slots.claims.turn)
        with contextlib.suppress(NothingNew):
            while True:
                four(trial)
                try:
                    draft.settle()
                    break
                except Repeated:
                    draft.redraw()
        assert trial.params == {"kind": "two", "width": 16}


def test_an_endless_space_beside_a_point_is_drawn_from_once_the_point_is_tried(tmp_path: Path) -> None:
    slots = Slots(tmp_path, "random", mixed)
    kinds = [trial.params["kind"] for trial in (slots.draw() for _ in range(12)) if trial]
    assert sorted(kinds) == ["many"] * 11 + ["one"]
    assert remaining_points(slots.study) == 1


def test_a_space_without_hyperparameters_is_one_point(tmp_path: Path) -> None:
    assert Slots(tmp_path, space=lambda trial: None).run() == [()]


def test_a_point_of_an_edited_space_is_another_one(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    slots.run()
    slots.study.set_user_attr(SPACE_VERSION, 2)

    def edited(trial: optuna.Trial) -> None:
        trial.set_user_attr(SPACE_VERSION, 2)
        four(trial)

    slots.space = edited
    assert len(slots.run()) == 4
