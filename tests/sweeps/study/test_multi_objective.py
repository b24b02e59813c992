"""A study of several objectives: what Optuna's samplers make of it, its Pareto front, and which trial is the best."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from sweeps.config import load_config
from sweeps.errors import InputError
from sweeps.study import kept_models, pareto, results
from sweeps.study.attributes import EPOCH, FIGURES, MODEL_URI, PARAMS, RUN_ID
from sweeps.study.identity import Identity
from sweeps.study.objective_choice import choose_objectives
from sweeps.study.samplers import make_sampler
from sweeps.study.study import Objective, StudyRef, create, objective_of
from sweeps.study.tpe import TPE

OTHERS = {"n_params": "minimize"}
IDENTITY = Identity("mlp", "digits", "0", "val_accuracy", "maximize", 3, 0, (), {"objectives": OTHERS})
LOGS = {"loss": 0.5, "accuracy": 0.5, "val_loss": 0.5, "val_accuracy": 0.5, "val_score": 0.5}


def ref_of(folder: Path, sampler: str = "tpe", pruner: str = "none", startup: int | None = None) -> StudyRef:
    options = {} if startup is None else {"startup": startup}
    return StudyRef("s", folder / "journal.log", sampler, pruner, 3, sampler_options=options, others=OTHERS)


def begin(ref: StudyRef) -> optuna.Trial:
    """A trial with a learning rate and a width."""
    study = ref.open()
    study.sampler = ref.sampler_of(len(study.trials))
    trial = study.ask()
    trial.suggest_float("rate", 0, 1)
    trial.suggest_int("units", 1, 100)
    return trial


def end(trial: optuna.Trial, accuracy: float, n_params: int) -> None:
    result = {RUN_ID: "ab", PARAMS: trial.params, EPOCH: 1, MODEL_URI: "m", FIGURES: {"n_params": n_params}}
    for name, value in result.items():
        trial.set_user_attr(name, value)
    trial.study.tell(trial, accuracy)


def accuracy_of(trial: optuna.Trial) -> float:
    return 0.9 - abs(trial.params["rate"] - 0.3) + trial.params["units"] / 1000


@pytest.mark.parametrize("sampler", ["tpe", "tpe-multivariate"])
def test_a_sampler_draws_as_in_optunas_own_study_of_several_objectives(tmp_path: Path, sampler: str) -> None:
    ref = ref_of(tmp_path, sampler, startup=3)
    create(ref, IDENTITY)
    own = optuna.create_study(directions=["maximize", "minimize"])
    for number in range(12):
        trial = begin(ref)
        end(trial, accuracy_of(trial), trial.params["units"])
        own.sampler = make_sampler(sampler, 0, number, {"startup": 3})
        theirs = own.ask()
        theirs.suggest_float("rate", 0, 1)
        theirs.suggest_int("units", 1, 100)
        own.tell(theirs, [accuracy_of(theirs), theirs.params["units"]])
        assert trial.params == theirs.params
    other = optuna.create_study(direction="maximize", sampler=make_sampler(sampler, 0, 12, {"startup": 3}))
    other.add_trials(ref.open().trials)
    assert other.ask({"rate": optuna.distributions.FloatDistribution(0, 1)}).params["rate"] != begin(ref).params["rate"]


@pytest.mark.parametrize("sampler", ["tpe", "tpe-multivariate", "nsga2", "random"])
def test_trials_are_pruned_by_the_first_objective_and_samplers_go_on(tmp_path: Path, sampler: str) -> None:
    ref = ref_of(tmp_path, sampler, "median", startup=5 if sampler.startswith("tpe") else None)
    create(ref, IDENTITY)
    for _ in range(30):
        trial = begin(ref)
        for epoch in (1, 2, 3):
            trial.report(accuracy_of(trial) * epoch / 3, epoch)
        if trial.should_prune():
            trial.study.tell(trial, state=TrialState.PRUNED)
        else:
            end(trial, accuracy_of(trial), trial.params["units"])
    study = ref.open()
    assert results.status(study).trials["PRUNED"] > 3
    assert pareto.front(study)


def test_a_study_of_one_objective_has_its_sampler_without_a_view(tmp_path: Path) -> None:
    assert type(replace(ref_of(tmp_path), others={}).sampler_of(3)) is TPE


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> optuna.Study:
    monkeypatch.chdir(tmp_path)
    ref = ref_of(tmp_path, "random")
    create(ref, IDENTITY)
    for accuracy, n_params in ((0.9, 500), (0.8, 100), (0.85, 600), (0.9, 400), (0.7, 100), (0.95, 900)):
        end(begin(ref), accuracy, n_params)
    large = begin(ref)
    large.set_constraint("n_params<=900", 0.1)
    end(large, 0.99, 990)
    return ref.open()


def test_the_front_has_the_trials_that_no_other_one_beats_and_the_first_objective_chooses(study: optuna.Study) -> None:
    assert objective_of(study) == Objective("val_accuracy", "maximize", OTHERS)
    assert [trial.number for trial in pareto.front(study)] == [5, 3, 1]
    best = results.best(study)
    assert (best.trial, best.value) == (5, 0.95)
    assert best.pareto is not None
    assert [one["values"] for one in best.pareto] == [
        {"val_accuracy": 0.95, "n_params": 900},
        {"val_accuracy": 0.9, "n_params": 400},
        {"val_accuracy": 0.8, "n_params": 100},
    ]
    assert set(best.pareto[0]) == {"trial", "values", "params", "run_id", "model_uri"}
    assert pareto.sentence(study) == "Pareto front of val_accuracy (max), n_params (min): 3 trials of 6"


def test_the_models_on_the_front_are_kept(study: optuna.Study) -> None:
    assert [trial.number for trial in kept_models.beyond(study, 1)] == [0, 2, 4, 6]
    assert kept_models.is_kept(study, objective_of(study), 9, 0.1, 1)  # it may come to be on the front


def test_of_equal_values_the_next_objective_decides(study: optuna.Study) -> None:
    assert [trial.number for trial in objective_of(study).ranked(study.trials)] == [5, 3, 0, 2, 1, 4]


def test_objectives_beside_the_first_may_be_what_a_model_costs() -> None:
    asked = ["val_accuracy", "latency_ms", "val_loss"]
    others = {"latency_ms": "minimize", "val_loss": "minimize"}
    assert choose_objectives(asked, "sparse", LOGS) == Objective("val_accuracy", "maximize", others)
    assert choose_objectives([], "sparse", LOGS) == Objective("val_accuracy", "maximize")
    assert choose_objectives(["val_loss", "n_params:max"], "sparse", LOGS).others == {"n_params": "maximize"}
    assert choose_objectives(["val_loss", "val_score:max"], "sparse", LOGS).others == {"val_score": "maximize"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["n_params"], "n_params is known at a trial's end"),
        (
            ["n_params:min", "val_accuracy"],
            "Put a metric of the logs before it: --objective NAME --objective n_params:min",
        ),
        (["val_loss", "n_param"], "named 'n_param'; there are accuracy, .*, val_score, n_params, model_bytes, "),
        (["val_loss", "accuracy"], "'accuracy' is measured on the rows that a trial trains on; use val_accuracy"),
        (["val_loss", "val_score"], "say val_score:max or val_score:min"),
    ],
)
def test_objectives_that_nothing_bears_are_refused(asked: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        choose_objectives(asked, "sparse", LOGS)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["val_loss:min", "val_loss:max"], "--objective: 'val_loss' is asked for 2 times; once is wanted"),
        (["a", "b", "c", "d"], "--objective: at most 3 are wanted, got 4; of more, hardly any trial is beaten in all"),
    ],
)
def test_objectives_that_say_too_much_are_refused_at_once(asked: list[str], said: str) -> None:
    with pytest.raises(InputError) as error:
        load_config({"objective": asked})
    assert str(error.value).splitlines()[0] == said


def test_one_objective_in_a_list_is_one() -> None:
    assert load_config({"objective": ["val_loss"]}).objective == "val_loss"
    assert load_config({"objective": []}).objective is None
