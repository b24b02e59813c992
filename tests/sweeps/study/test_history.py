"""What is kept of a growing study is what a walk over all of its trials finds."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers._brute_force import _TreeNode
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeps.space.fingerprint import SPACE_VERSION
from sweeps.storage.listing import ListingStorage
from sweeps.study import budget, kept_models, points, retries
from sweeps.study.attributes import CONTINUES, CUT_SHORT, DEATH, INTERRUPTION, MODEL_URI, RETRY_OF, SKIPPED
from sweeps.study.budget import Budget, had
from sweeps.study.grid import GridSampler
from sweeps.study.history import history_of
from sweeps.study.identity import Identity
from sweeps.study.study import FINISHED, Objective, StudyRef, count, counted, create, forget, is_feasible, own

IDENTITY = Identity("mlp", "digits", "0", "val_accuracy", "maximize", 9, 0, ())
OBJECTIVE = Objective("val_accuracy", "maximize")
COMPLETE, PRUNED, FAIL, RUNNING, WAITING = (
    TrialState[name] for name in ("COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING")
)


class Busy:
    """A study at which much happens, by chance."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.ref = StudyRef("s", folder / "journal.log", "random", "none", 9)
        self.study = create(self.ref, replace(IDENTITY, options={}))
        self.chance, self.running = random.Random(seed), list[optuna.Trial]()

    def step(self) -> None:
        """One trial begins or ends, or another version of the space does."""
        chance, study = self.chance, self.study
        if chance.random() < 0.02:
            study.set_user_attr(SPACE_VERSION, 2)
        elif self.running and chance.random() < 0.5:
            self._end(self.running.pop(chance.randrange(len(self.running))))
        elif chance.random() < 0.1:
            retries.enqueue(study, {"kind": "one", "width": 8}, {})
        else:
            self._begin()

    def _begin(self) -> None:
        trial = self.study.ask()
        self.running.append(trial)
        if self.chance.random() < 0.5:
            trial.report(0.5, 1)
        if SPACE_VERSION in self.study.user_attrs:
            trial.set_user_attr(SPACE_VERSION, 2)
        if self.chance.random() < 0.9:
            trial.suggest_categorical("kind", ["one", "two", "three"])
            trial.suggest_int("width", 8, 24, step=8)

    def _end(self, trial: optuna.Trial) -> None:
        state = self.chance.choice([COMPLETE, COMPLETE, PRUNED, FAIL])
        begun = self.study.get_trials(deepcopy=False)[trial.number].last_step or 0
        for epoch in range(1 + begun, self.chance.randint(1, 9)):
            trial.report(0.5, epoch)
        if self.chance.random() < 0.2:
            trial.set_user_attr(SKIPPED, 1)
        if self.chance.random() < 0.2:
            trial.set_constraint("size", self.chance.choice([-1.0, 1.0]))
        if state == FAIL and self.chance.random() < 0.6:
            trial.set_user_attr(CUT_SHORT, self.chance.choice([DEATH, DEATH, INTERRUPTION]))
        if state == COMPLETE:
            trial.set_user_attr(MODEL_URI, self.chance.choice(["", f"models:/{trial.number}"]))
        self.study.tell(trial, round(self.chance.random(), 1) if state == COMPLETE else None, state)
        if state == FAIL and self.chance.random() < 0.7:
            retries.retry(self.study, trial.number)
        elif state == COMPLETE and self.chance.random() < 0.1:
            retries.enqueue(self.study, trial.params, {CONTINUES: trial.number})


def walked_unfinished(study: optuna.Study) -> list[FrozenTrial]:
    trials = study.get_trials(deepcopy=False)
    followed = {trial.user_attrs.get(RETRY_OF) for trial in trials}
    version = study.user_attrs.get(SPACE_VERSION, 1)
    return [
        trial
        for trial in trials
        if trial.state == FAIL
        and trial.user_attrs.get(SPACE_VERSION, 1) == version
        and CUT_SHORT in trial.user_attrs
        and trial.number not in followed
        and retries.deaths(trials, trial) < retries.DEATHS
    ]


def walked_tried(study: optuna.Study) -> list[FrozenTrial]:
    version, unfinished = study.user_attrs.get(SPACE_VERSION, 1), walked_unfinished(study)
    trials = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.user_attrs.get(SPACE_VERSION, 1) == version and trial.params
    ]
    failed = [FAIL] if any(trial.state in FINISHED for trial in trials) else []
    states = (*FINISHED, RUNNING, *failed)
    return [trial for trial in trials if trial.state in states and trial not in unfinished]


def walked_remaining(study: optuna.Study) -> int:
    """Of nine points; 1 where it is not known."""
    trials, found, tree = study.get_trials(deepcopy=False), walked_tried(study), _TreeNode()
    about_to = sum(trial.state == RUNNING and not trial.params for trial in trials)
    if any(trial.state == WAITING for trial in trials) or len(found) + about_to < 3 or not found:
        return 1
    GridSampler._populate_tree(tree, found, {})
    return max(0, tree.count_unexpanded(exclude_running=True) - about_to)


def walked_epochs(study: optuna.Study, reserved: set[int], most: int) -> int:
    groups = retries.by_trial(study.get_trials(deepcopy=False))
    return sum(max(most if each.number in reserved else had(each) for each in group) for group in groups if own(group))


def walked_since(study: optuna.Study) -> int:
    finished = own(study.get_trials(deepcopy=False, states=FINISHED))
    best = OBJECTIVE.ranked(finished)[0]
    equal = [each for each in finished if each.state == COMPLETE and each.value == best.value and is_feasible(each)]
    first = min(each.datetime_complete for each in equal if each.datetime_complete)
    return sum(each.datetime_complete is not None and each.datetime_complete > first for each in finished)


def check(study: optuna.Study) -> None:
    trials = study.get_trials(deepcopy=False)
    running = {trial.number for trial in trials if trial.state == RUNNING}
    assert history_of(study).open == [trial for trial in trials if not trial.state.is_finished()]
    assert count(study) == len(counted(study))
    assert retries.unfinished(study) == walked_unfinished(study)
    for number in range(len(trials)):
        after = [trial.number for trial in trials if trial.user_attrs.get(RETRY_OF) == number]
        assert retries.followers(study, number) == after
    assert points.tried(study) == walked_tried(study)
    at_least = points.remaining_points(study)
    assert (at_least > 0, at_least <= walked_remaining(study)) == (walked_remaining(study) > 0, True)
    for point in ({"kind": "one", "width": 8}, {"kind": "two", "width": 16}, {"kind": "two", "width": 5}, {}):
        asked = next(iter(running), -1)
        others = [each for each in walked_tried(study) if each.number != asked]
        fixed = [each.system_attrs.get("fixed_params", {}) for each in trials if each.state == WAITING]
        assert points.is_tried(study, point, asked) == (point in [*(each.params for each in others), *fixed])
    again = {trial.number for trial in own(trials) if trial.state == WAITING and RETRY_OF in trial.user_attrs}
    assert {trial.number for trial in budget.waiting_retries(study)} == again
    assert budget.spent(study) == walked_epochs(study, set(), 0)
    most = walked_epochs(study, running | again, 9) + 9 * 2
    assert Budget(10**6, 9, most).unclaimed(study, running) == len(again) + 2
    lacking = 70 - len(counted(study)) - len(own(trials[number] for number in running))
    assert Budget(70, 9, 10**6).unclaimed(study, running) == Budget(70, 9).unclaimed(study, running) == lacking
    complete = study.get_trials(deepcopy=False, states=(COMPLETE,))
    ranked = OBJECTIVE.ranked(complete)
    if ranked:
        assert Budget(10**6, patience=walked_since(study) + 1).missing(study) > 0
        assert walked_since(study) == 0 or Budget(10**6, patience=walked_since(study)).missing(study) == 0
    best = {trial.number for trial in ranked[:3]}
    kept = [trial for trial in own(complete) if trial.user_attrs.get(MODEL_URI) and trial.number not in best]
    assert kept_models.beyond(study, 3) == kept
    for number, value in ((0, 0.5), (10**6, 0.9), (10**6, None)):
        among = len(ranked) < 3 or (value is not None and (-value, number) < OBJECTIVE.rank(ranked[2]))
        assert kept_models.is_kept(study, OBJECTIVE, number, value, 3) == among


@pytest.mark.parametrize("seed", range(4))
def test_what_is_kept_of_a_growing_study_is_what_a_walk_over_all_its_trials_finds(tmp_path: Path, seed: int) -> None:
    busy = Busy(tmp_path, seed)
    for step in range(160):
        busy.step()
        if step % 3 == 0:  # sometimes much has happened since it was asked last
            check(busy.study)
    forget(busy.ref.journal)
    check(busy.ref.open())


def test_what_another_process_adds_is_seen(tmp_path: Path) -> None:
    one, two = Busy(tmp_path, 0), Busy(tmp_path, 1)
    forget(one.ref.journal)
    two.study = one.ref.open()
    assert two.study._storage is not one.study._storage
    for _ in range(60):
        one.step()
        two.step()
        check(one.study)
    check(two.study)


@pytest.mark.parametrize("states", [None, (RUNNING,), (WAITING, RUNNING), (COMPLETE,), (*FINISHED, RUNNING)])
def test_the_storage_lists_the_trials_that_optunas_lists(tmp_path: Path, states: tuple[TrialState, ...] | None) -> None:
    busy = Busy(tmp_path, 0)
    storage: Any = busy.study._storage
    assert isinstance(storage, ListingStorage)
    for _ in range(80):
        busy.step()
        listed = storage.get_all_trials(0, deepcopy=False, states=states)
        assert listed == storage._replay_result.get_all_trials(0, states)


def test_the_points_of_a_large_space_are_not_counted_anew_for_each_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Busy(tmp_path, 0)
    trees: list[int] = []
    populate: Callable[..., None] = points.GridSampler._populate_tree
    monkeypatch.setattr(points.GridSampler, "_populate_tree", lambda *args: (trees.append(1), populate(*args)))
    for _ in range(40):
        trial = busy.study.ask()
        for name in "abcdef":
            trial.suggest_int(name, 0, 9)
        assert points.remaining_points(busy.study) > 0
        busy.study.tell(trial, 0.5)
    assert len(trees) < 8


def test_points_of_failed_trials_that_come_to_count_are_no_points_that_remain(tmp_path: Path) -> None:
    study = Busy(tmp_path, 0).study
    for kind in range(3):
        study.enqueue_trial({"kind": kind})
        trial = study.ask()
        trial.suggest_int("kind", 0, 3)
        study.tell(trial, state=FAIL)
    for _ in range(4):
        study.enqueue_trial({"kind": 3})
    running = [study.ask() for _ in range(4)]
    for trial in running:
        trial.suggest_int("kind", 0, 3)
    assert points.remaining_points(study) == 3
    study.tell(running[0], 0.5)
    assert points.remaining_points(study) == 0


def test_an_index_that_is_made_while_another_thread_tells_a_trial_has_all_of_them(tmp_path: Path) -> None:
    study = Busy(tmp_path, 0).study
    told: list[threading.Thread] = []

    def tell() -> None:
        study.add_trial(create_trial(value=0.5))
        history_of(study)

    class Slow:
        def __init__(self) -> None:
            self.numbers: list[int] = []

        def add(self, trial: FrozenTrial) -> None:
            self.numbers.append(trial.number)
            if not told:
                told.append(threading.Thread(target=tell))
                told[0].start()
                told[0].join(0.3)

    study.add_trial(create_trial(value=0.5))
    history_of(study).index(Slow)
    told[0].join()
    assert history_of(study).index(Slow).numbers == [0, 1]
