"""Which trials are pruned."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.trial import TrialState

from sweeps.config import load_config
from sweeps.engine.sweep import with_pruner_of_study
from sweeps.storage.journal import WholeRecords
from sweeps.study import study as studies
from sweeps.study.attributes import CONFIG
from sweeps.study.identity import Identity
from sweeps.study.samplers import make_pruner
from sweeps.study.study import StudyRef
from sweeps.system import paths

IDENTITY = Identity("mlp", "digits", "abc", "val_accuracy", "maximize", 9, 0, ())


def searched(ref: StudyRef, trials: int = 30) -> optuna.Study:
    """A study after trials whose values grow from epoch to epoch."""
    for number in range(trials):
        study = ref.open()
        study.sampler = ref.sampler_of(number)
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        state = TrialState.COMPLETE
        for epoch in range(1, ref.epochs + 1):
            trial.report(x * epoch, epoch)
            if epoch < ref.epochs and trial.should_prune():
                state = TrialState.PRUNED
                break
        study.tell(trial, x * epoch if state == TrialState.COMPLETE else None, state)
    return study


def epochs_of(study: optuna.Study) -> list[int | None]:
    return [trial.last_step for trial in study.get_trials()]


def begun(folder: Path, name: str, pruner: str) -> StudyRef:
    ref = StudyRef(name, folder / name / "journal.log", "tpe", pruner, 9, 0)
    studies.create(ref, IDENTITY)
    return ref


@pytest.mark.parametrize("pruner", ["hyperband", "median"])
def test_a_studys_name_has_no_part_in_which_trials_are_pruned(tmp_path: Path, pruner: str) -> None:
    one, other = (searched(begun(tmp_path, name, pruner)) for name in ("digits-mlp", "b"))
    assert epochs_of(one) == epochs_of(other)
    assert len(set(epochs_of(one))) > 1


def brackets(pruner: optuna.pruners.BasePruner, study: optuna.Study) -> list[int]:
    assert isinstance(pruner, optuna.pruners.HyperbandPruner)
    pruner._try_initialization(study)
    trials = [optuna.trial.create_trial(value=0.0) for _ in range(40)]
    for number, trial in enumerate(trials):
        trial.number = number
    return [pruner._get_bracket_id(study, trial) for trial in trials]


def test_a_study_of_an_earlier_version_keeps_the_brackets_that_its_trials_have(tmp_path: Path) -> None:
    journal = tmp_path / "journal.log"
    before = optuna.create_study(storage=JournalStorage(WholeRecords(journal)), study_name="digits-mlp")
    before.set_user_attr("sweep", asdict(IDENTITY))
    old = StudyRef("digits-mlp", journal, "tpe", "hyperband", 9, 0).open()
    new = begun(tmp_path, "new", "hyperband").open()
    of_optuna = brackets(optuna.pruners.HyperbandPruner(1, 9, 3), old)
    assert brackets(old.pruner, old) == of_optuna
    assert brackets(new.pruner, new) != of_optuna


def test_no_trial_is_pruned_before_its_warm_up_or_before_enough_others_are_complete(tmp_path: Path) -> None:
    ref = replace(begun(tmp_path, "s", "median"), pruner_options={"startup": 7, "warmup": 4})
    trials = searched(ref).get_trials()
    first = next(trial.number for trial in trials if trial.state == TrialState.PRUNED)
    assert first >= 7
    assert min(trial.last_step or 0 for trial in trials) == 4


@pytest.mark.parametrize(("epochs", "warmup"), [(1, 2), (5, 2), (10, 2), (15, 3), (50, 10)])
def test_the_warm_up_is_a_fifth_of_the_epochs_and_two_at_least(epochs: int, warmup: int) -> None:
    for name in ("median", "percentile"):
        pruner = make_pruner(name, epochs)
        assert isinstance(pruner, optuna.pruners.PercentilePruner)
        assert (pruner._n_startup_trials, pruner._n_warmup_steps) == (5, warmup)


def test_a_study_goes_on_with_its_pruner_unless_another_one_is_given(here: Path) -> None:
    def settled(**options: object) -> tuple[str, dict[str, int]]:
        config = with_pruner_of_study(load_config({"study": "s", **options}))
        return config.pruner, config.pruner_options

    assert settled() == ("median", {})
    study = studies.create(StudyRef("s", paths.journal("s")), IDENTITY)
    study.set_user_attr(CONFIG, {"study": "s", "pruner": "hyperband", "pruner_options": {"factor": 4}})
    assert settled() == ("hyperband", {"factor": 4})
    assert settled(pruner_options={"factor": 5}) == ("hyperband", {"factor": 5})
    assert settled(pruner="median") == ("median", {})
