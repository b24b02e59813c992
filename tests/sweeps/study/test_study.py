"""The study: Optuna's, in a real journal file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.trial import TrialState

from sweeps.errors import CorruptStore, InputError
from sweeps.storage import journal as journals
from sweeps.storage.journal import WholeRecords
from sweeps.study import study as studies
from sweeps.study.identity import Identity
from sweeps.study.samplers import PRUNERS, SAMPLERS, check_names, make_pruner, make_sampler
from sweeps.study.study import Objective, StudyRef, trial_seed

IDENTITY = Identity("mlp", "digits", "abc", "val_accuracy", "maximize", 4, 0, ())


def ref(folder: Path, sampler: str = "tpe", pruner: str = "none") -> StudyRef:
    return StudyRef("houses", folder / "houses" / "journal.log", sampler, pruner, 4, 0)


def opened(ref: StudyRef, number: int) -> optuna.Study:
    study = ref.open()
    study.sampler = ref.sampler_of(number)
    return study


def square(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -1, 1, step=0.25)
    n = trial.suggest_int("n", 1, 3)
    for epoch in range(1, 5):
        trial.report(-x * x * n * epoch, step=epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return -x * x * n


@pytest.mark.parametrize("sampler", sorted(set(SAMPLERS) - {"gp"}))
def test_every_sampler_runs_trials_in_a_journal(tmp_path: Path, sampler: str) -> None:
    studies.create(ref(tmp_path, sampler), IDENTITY)
    for draw in range(15):
        opened(ref(tmp_path, sampler), draw).optimize(square, n_trials=1)
    assert len(ref(tmp_path).open().get_trials(states=(TrialState.COMPLETE,))) == 15


@pytest.mark.parametrize("pruner", sorted(PRUNERS))
def test_every_pruner_prunes_or_not_in_a_journal(tmp_path: Path, pruner: str) -> None:
    studies.create(ref(tmp_path, "random", pruner), IDENTITY)
    for draw in range(15):
        opened(ref(tmp_path, "random", pruner), draw).optimize(square, n_trials=1)
    study = ref(tmp_path).open()
    assert studies.missing(study, 20) == 5
    pruned = study.get_trials(states=(TrialState.PRUNED,))
    assert (len(pruned) > 0) == (pruner != "none")


@pytest.mark.parametrize(
    ("sampler", "pruner", "said"),
    [
        ("tpe-0", "none", "unknown sampler 'tpe-0'"),
        ("random-5", "none", "unknown sampler 'random-5'"),
        ("tpe-x", "none", "unknown sampler 'tpe-x'"),
        ("tpe", "hyperband-1", "unknown pruner 'hyperband-1'"),
        ("tpe", "median-3", "unknown pruner 'median-3'"),
    ],
)
def test_a_number_goes_with_the_names_that_take_one(sampler: str, pruner: str, said: str) -> None:
    check_names("tpe-multivariate-20", "hyperband-12")
    with pytest.raises(InputError, match=said):
        check_names(sampler, pruner)


def test_options_are_those_of_the_sampler_or_pruner_and_win_over_a_number_in_its_name() -> None:
    sampler = make_sampler("tpe-20", 0, 0, {"startup": 7})
    assert isinstance(sampler, optuna.samplers.TPESampler)
    assert sampler._n_startup_trials == 7
    pruner = make_pruner("hyperband", 9, {"factor": 4})
    assert isinstance(pruner, optuna.pruners.HyperbandPruner)
    assert pruner._reduction_factor == 4


@pytest.mark.parametrize(
    ("sampler", "options", "pruner", "pruner_options", "said"),
    [
        ("tpe", {"start": 5}, "none", {}, "--sampler-option: sampler tpe takes only the option startup, got 'start'"),
        ("random", {"startup": 5}, "none", {}, "--sampler-option: sampler random takes no options, got 'startup'"),
        ("tpe", {"startup": 0}, "none", {}, "--sampler-option: startup must be at least 1, got 0"),
        ("tpe", {}, "hyperband", {"factor": 1}, "--pruner-option: factor must be at least 2, got 1"),
    ],
)
def test_an_option_that_a_sampler_or_pruner_does_not_take_is_refused_with_those_that_it_takes(
    sampler: str, options: dict[str, int], pruner: str, pruner_options: dict[str, int], said: str
) -> None:
    check_names("tpe", "hyperband", {"startup": 5}, {"factor": 2})
    with pytest.raises(InputError, match=f"^{said}$"):
        check_names(sampler, pruner, options, pruner_options)


def test_two_workers_never_begin_with_the_same_draw() -> None:
    def first(draw: int) -> float:
        study = optuna.create_study(sampler=make_sampler("tpe", 0, draw))
        return study.ask().suggest_float("x", 0, 1)

    assert len({first(draw) for draw in range(20)}) == 20
    assert first(3) == first(3)


def test_a_grid_is_walked_once_and_then_says_that_it_is_exhausted(tmp_path: Path) -> None:
    studies.create(ref(tmp_path, "grid"), IDENTITY)
    stopped = []
    for draw in range(27):
        study = ref(tmp_path, "grid").open()
        study.stop = lambda draw=draw: stopped.append(draw)  # type: ignore[method-assign]
        trial = study.ask()
        study.tell(trial, square(trial))
    points = {tuple(trial.params.values()) for trial in study.get_trials()}
    assert len(points) == 27
    assert stopped == [26]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("space", "other"),
        ("digest", "def"),
        ("objective", "val_loss"),
        ("direction", "minimize"),
        ("epochs", 5),
        ("seed", 1),
        ("set", ("n=1",)),
    ],
)
def test_a_resume_with_something_else_is_refused_with_the_difference_shown(
    tmp_path: Path, field: str, value: object
) -> None:
    studies.create(ref(tmp_path), IDENTITY)
    with pytest.raises(InputError) as error:
        studies.create(ref(tmp_path), replace(IDENTITY, **{field: value}))
    was = getattr(IDENTITY, field)
    was = list(was) if isinstance(was, tuple) else was
    now = list(value) if isinstance(value, tuple) else value
    assert f"{field}: {was!r} then, {now!r} now" in str(error.value)


def test_a_resume_with_the_same_is_the_same_study(tmp_path: Path) -> None:
    studies.create(ref(tmp_path), IDENTITY)
    again = studies.create(ref(tmp_path), replace(IDENTITY, dataset="digits-moved-elsewhere"))
    assert studies.objective_of(again) == Objective("val_accuracy", "maximize")


def test_a_journal_that_is_no_journal_is_a_corrupt_store(tmp_path: Path) -> None:
    journal = ref(tmp_path).journal
    journal.parent.mkdir()
    journal.write_text('{"op_code": 0\n{"op_code": 0}\n')
    with pytest.raises(CorruptStore, match=r"journal\.log is damaged"):
        studies.load("houses", journal)


def test_a_journal_torn_at_any_byte_of_its_last_record_loses_that_record_alone(tmp_path: Path) -> None:
    whole = ref(tmp_path).journal
    studies.create(ref(tmp_path), IDENTITY).optimize(square, n_trials=2)
    content = whole.read_bytes()
    last = content[: len(content) - 1].rfind(b"\n") + 1
    for end in range(last + 1, len(content)):
        torn = tmp_path / str(end) / "journal.log"
        torn.parent.mkdir()
        torn.write_bytes(content[:end])
        said = journals.repair(torn)
        assert said is not None
        assert f"{end - last} bytes were cut off" in said
        assert torn.read_bytes() == content[:last]
        assert torn.with_name("journal.log.bak").read_bytes() == content[:end]
    study = optuna.load_study(study_name="houses", storage=JournalStorage(WholeRecords(torn)))
    study.optimize(square, n_trials=1)
    again = optuna.load_study(study_name="houses", storage=JournalStorage(WholeRecords(torn)))
    assert len(again.trials) == 3


def test_a_whole_journal_is_left_as_it_is(tmp_path: Path) -> None:
    studies.create(ref(tmp_path), IDENTITY)
    content = ref(tmp_path).journal.read_bytes()
    assert journals.repair(ref(tmp_path).journal) is None
    assert journals.repair(tmp_path / "none.log") is None
    assert ref(tmp_path).journal.read_bytes() == content
    assert [path.name for path in ref(tmp_path).journal.parent.iterdir()] == ["journal.log"]


def test_complete_trials_are_ranked_by_their_finite_values_the_earlier_first_among_equals() -> None:
    study = optuna.create_study(direction="maximize")
    for value, state in (
        (0.5, TrialState.COMPLETE),
        (0.9, TrialState.COMPLETE),
        (0.9, TrialState.COMPLETE),
        (float("inf"), TrialState.COMPLETE),
        (None, TrialState.FAIL),
    ):
        study.add_trial(optuna.trial.create_trial(state=state, value=value))
    assert [trial.number for trial in Objective("val_accuracy", "maximize").ranked(study.get_trials())] == [1, 2, 0]
    assert [trial.number for trial in Objective("val_loss", "minimize").ranked(study.get_trials())] == [0, 1, 2]


def test_a_trials_seed_follows_from_the_studys_seed_and_its_number_alone() -> None:
    seeds = {(seed, number): trial_seed(seed, number) for seed in range(5) for number in range(50)}
    assert len(set(seeds.values())) == 250
    assert all(0 <= seed < 2**31 for seed in seeds.values())
    assert trial_seed(0, 7) == seeds[0, 7]
