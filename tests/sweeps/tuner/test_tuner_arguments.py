"""What a tuner and its `search` are given: what is taken, what it means, what is refused. No sweep is run."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import optuna
import pytest
from support import ROOT
from tuner_models import build_model

import sweeps.tuner as kt
from sweeps.engine.cluster import main_hidden
from sweeps.errors import InputError
from sweeps.space.hyperparameters import SuggestedHyperParameters
from sweeps.study.samplers import make_pruner, make_sampler
from sweeps.system.paths import check_study_name
from sweeps.trial.epochs import EpochWatch
from sweeps.tuner.arrays import read
from sweeps.tuner.callbacks import ObjectiveReporter
from sweeps.tuner.declared import Declared
from sweeps.tuner.plans import configurations
from sweeps.tuner.project import Project, study_name
from sweeps.tuner.results import as_history, objective_of
from sweeps.tuner.space import CompileOverrides, FitCall, TunerSpace

X, Y = np.arange(40.0).reshape(10, 4), np.arange(10) % 2
ACCURACY = kt.Objective("val_accuracy", "max")


@pytest.fixture
def tuner(tmp_path: Path) -> Callable[..., Any]:
    def make(**options: Any) -> Any:
        given = {"hypermodel": build_model, "objective": "val_accuracy", "directory": tmp_path} | options
        return kt.RandomSearch(**given)

    return make


# --- the tuners' arguments


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hypermodel": None}, "hypermodel: a function build.hp. or a HyperModel is needed, got None"),
        ({"objective": "grade"}, 'Could not infer optimization direction ."min" or "max". for unknown metric "grade"'),
        ({"executions_per_trial": 0}, "executions_per_trial: a whole number of at least 1 is needed, got 0"),
        ({"max_trial": 3}, "unknown tuner argument 'max_trial'"),
        ({"tune_new_entries": False}, "tune_new_entries=False: the search space must be given"),
        ({"hyperparameters": {"a": 1}}, "hyperparameters: a HyperParameters container is needed, got dict"),
    ],
)
def test_a_wrong_argument_is_named(tuner: Callable[..., Any], options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        tuner(**options)


@pytest.mark.parametrize("max_epochs", [1, 2, 10, 27, 100])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_hyperband_has_the_configurations_that_keras_tuner_draws(max_epochs: int, factor: int) -> None:
    oracle = keras_tuner.oracles.HyperbandOracle(
        objective=ACCURACY, max_epochs=max_epochs, factor=factor, hyperband_iterations=2, seed=1
    )
    space = keras_tuner.HyperParameters()
    space.Float("learning_rate", 0, 1)
    oracle.update_space(space)
    drawn = 0
    while True:
        trial = f"{len(oracle.trials)}"
        answer = oracle.populate_space(trial)
        if answer["status"] == "STOPPED":
            break
        hp = keras_tuner.HyperParameters()
        hp.values = answer["values"]
        oracle.trials[trial] = keras_tuner.engine.trial.Trial(hp, trial, "COMPLETED")
        oracle.trials[trial].score = 0.5
        drawn += "tuner/trial_id" not in answer["values"]
    assert configurations(max_epochs, factor, 2) == drawn


def test_hyperband_prunes_by_its_own_factor() -> None:
    hyperband = kt.Hyperband(build_model, "val_accuracy", max_epochs=16, factor=12)
    pruner = make_pruner(hyperband._plan.pruner, 16, hyperband._plan.pruner_options)
    assert isinstance(pruner, optuna.pruners.HyperbandPruner)
    assert pruner._reduction_factor == 12
    assert pruner._max_resource == 16


def test_the_first_points_of_bayesian_optimization_are_as_many_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.tuner.plans.find_spec", lambda name: None)  # without PyTorch: TPE
    plan = kt.BayesianOptimization(build_model, num_initial_points=7)._plan
    sampler = make_sampler(plan.sampler, 0, 0, plan.sampler_options)
    assert isinstance(sampler, optuna.samplers.TPESampler)
    assert sampler._n_startup_trials == 7
    with pytest.raises(InputError, match="num_initial_points: a whole number of at least 1 is needed, got 0"):
        kt.BayesianOptimization(build_model, num_initial_points=0)


def test_settings_of_keras_tuners_own_process_are_passed_over_aloud() -> None:
    kt.BayesianOptimization(build_model, alpha=1e-4, beta=2.6)  # its defaults, as the chapter writes them
    with pytest.warns(UserWarning, match="alpha and beta have no meaning"):
        kt.BayesianOptimization(build_model, beta=3.0)


@pytest.mark.parametrize("options", [{"factor": 1}, {"max_epochs": 0}, {"hyperband_iterations": None}])
def test_hyperband_refuses_what_has_no_end(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(options))}: a whole number of at least"):
        kt.Hyperband(build_model, "val_accuracy", **options)


def test_the_rest_of_keras_tuners_names_are_there() -> None:
    public = {name for name in vars(keras_tuner) if not name.startswith("_") and name != "src"}
    assert public == set(kt.__all__)
    assert kt.HyperModel is keras_tuner.HyperModel
    assert {kt.tuners.RandomSearch, kt.tuners.Hyperband} == {kt.RandomSearch, kt.Hyperband}


# --- directory and project_name


def test_a_directory_is_a_workspace_and_a_project_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Project.of(None, None) == Project("untitled_project", tmp_path / "runs")
    assert Project.of("mine", "rnd") == Project("mine-rnd", tmp_path / "mine")
    assert Project.of("mine", "rnd").folder == tmp_path / "mine" / "studies" / "mine-rnd"


def test_any_project_name_gives_a_study_of_its_own() -> None:
    projects = ["my search", "my-search", "my/search", "../up", "é" * 100, "", "a" * 65]
    names = [check_study_name(study_name(project)) for project in projects]
    assert len(set(names)) == len(projects)
    assert names[1] == "my-search"


def test_nothing_is_written_before_a_search(tuner: Callable[..., Any], tmp_path: Path) -> None:
    made = tuner(overwrite=True)
    made.search_space_summary()
    assert made.oracle.get_best_trials(3) == []
    assert made.get_best_models() == []
    assert made.remaining_trials == 10
    assert list(tmp_path.iterdir()) == []


# --- the arrays


def names(count: int) -> tuple[str, ...]:
    return tuple("abc"[:count])


def test_the_last_rows_validate_as_in_keras() -> None:
    data, call, epochs = read((X, Y), {"validation_split": 0.25, "epochs": 3, "batch_size": 5}, names)
    # Keras itself cuts them off once more: it is given all rows, and the share
    assert len(data.train) == 10
    assert data.validation.x.tolist() == X[7:].tolist()
    assert data.test is None
    assert epochs == 3
    assert call.options == {"validation_split": 0.25, "batch_size": 5}
    assert call.left_out == {"verbose", "validation_data"}


def test_values_stay_as_they_are() -> None:
    labels = np.array([3, 7] * 5)
    data, _, _ = read((X, labels), {"validation_data": (X.astype(np.uint8), labels)}, names)
    assert data.train.y.tolist() == labels.tolist()
    assert data.train.x.dtype == X.dtype  # whatever Keras makes of it at each fit
    assert data.validation.x.dtype == np.uint8
    assert data.labels is not None
    assert len(data.labels) == 8


def test_several_targets_and_their_weights_stay_in_the_form_in_which_they_came() -> None:
    by_place, _, _ = read((X, (Y, Y)), {"sample_weight": [Y, 1 - Y]}, names)
    assert isinstance(by_place.train.y, list)
    assert [weight.tolist() for weight in by_place.train.sample_weight] == [Y.tolist(), (1 - Y).tolist()]
    by_key, _, _ = read((X, {"main": Y, "other": Y / 2}), {"validation_split": 0.2}, names)
    assert by_key.train.y["other"].dtype == np.float64
    assert {name: len(target) for name, target in by_key.validation.y.items()} == {"main": 2, "other": 2}
    assert len(by_key.train) == 10
    others = [read((X, {"main": Y, "other": y}), {}, names)[0].digest for y in (Y, 1 - Y, 1 - Y)]
    assert others[0] != others[1] == others[2]


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        ((X,), {}, "got no y"),
        ((), {}, "got no x and no y"),
        ((X, Y), {"x": X}, "x must be given once"),
        ((X, Y[:5]), {}, "x and y: all arrays need the same number of rows, got 5, 10"),
        ((X, Y), {"validation_data": X}, "validation_data: .x, y. or .x, y, sample_weight. is needed"),
        ((X, Y), {"validation_split": 1.5}, "validation_split: above 0 and below 1 is needed, got 1.5"),
        ((X, [Y, Y[:5]]), {}, "x and y: all arrays need the same number of rows, got 5, 10"),
        ((X, {"main": Y, "other": None}), {}, "data is needed, .* in x and y there is a NoneType"),
        ((X, Y), {"callbacks": ["early"]}, "callbacks: instances of keras.callbacks.Callback are needed, got 'early'"),
        (((row for row in X), Y), {}, "a generator cannot be sent to other processes"),
        ((np.array([object()] * 10), Y), {}, "x and y: text, booleans or numbers are needed, all of one kind"),
    ],
)
def test_what_is_no_data_in_memory_is_refused(args: tuple[Any, ...], kwargs: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(args, kwargs, names)


# --- how HyperModel.fit is called


class Recording(keras_tuner.HyperModel):
    """Keeps what its `fit` was called with."""

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        hp.Int("units", 1, 3, default=2)
        return keras.Sequential()

    def fit(self, hp: keras_tuner.HyperParameters, model: Any, *args: Any, **kwargs: Any) -> Any:
        self.seen = args, kwargs
        model.fit(*args)
        return 0.5


class Model:
    """`fit` says how it was called."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def fit(self, *args: Any, **kwargs: Any) -> None:
        self.calls.append(kwargs)


def space_of(call: FitCall, objective: Any = ACCURACY, declared: Declared | None = None) -> TunerSpace:
    return TunerSpace(Recording(), objective, declared or Declared(), CompileOverrides(), call, 1, 1)


ENGINE = {"validation_data": (X, Y), "epochs": 1, "callbacks": [], "verbose": 0}


@pytest.mark.parametrize("by_name", [False, True])
def test_fit_is_called_as_search_was(by_name: bool) -> None:
    stop = keras.callbacks.EarlyStopping()
    options = {"validation_split": 0.2, "epochs": 5, "class_weight": {0: 2.0}, "verbose": 2, "callbacks": [stop]}
    args, kwargs = ((), {"x": X, "y": Y}) if by_name else ((X, Y), {})
    _, call, _ = read(args, kwargs | options, names)
    space, model = space_of(call), Model()
    space.fit(keras_tuner.HyperParameters(), model, X, Y, **ENGINE)
    args, kwargs = space.hypermodel.seen
    assert len(args) == (0 if by_name else 2)
    # looking only: one epoch, none of the person's callbacks
    expected = {"validation_split": 0.2, "epochs": 1, "class_weight": {0: 2.0}, "verbose": 2, "callbacks": []}
    assert {name: value for name, value in kwargs.items() if name not in ("x", "y")} == expected
    assert model.calls == [{"verbose": 0}]


def test_fit_is_not_told_of_what_search_was_not_given() -> None:
    _, call, _ = read((X, Y), {}, names)
    space = space_of(call)
    space.fit(keras_tuner.HyperParameters(), Model(), X, Y, **ENGINE)
    # a fit of one's own may then say epochs=hp.Int(…)
    assert space.hypermodel.seen[1] == {"callbacks": []}


def test_a_trial_gets_copies_of_the_callbacks_beside_our_watch() -> None:
    stop = keras.callbacks.EarlyStopping(patience=7)
    _, call, _ = read((X, Y), {"callbacks": [stop]}, names)
    space = space_of(call)
    trial = optuna.create_study().ask()
    trial.place = lambda: 0  # type: ignore[attr-defined]  # as a worker's has it
    options = {"epochs": 1, "params": dict, "tell": lambda *_: None, "stopped": lambda: False}
    watch = EpochWatch(trial, None, None, **options)  # type: ignore[arg-type]
    space.fit(SuggestedHyperParameters(trial), Model(), X, Y, **(ENGINE | {"callbacks": [watch]}))
    copied, gate = space.hypermodel.seen[1]["callbacks"]
    assert copied.patience == 7
    assert copied is not stop
    assert isinstance(gate, ObjectiveReporter)
    assert gate.watch is watch


def test_a_space_travels_with_all_that_it_was_made_of() -> None:
    stop = keras.callbacks.EarlyStopping(patience=7)
    arrived = pickle.loads(pickle.dumps(space_of(FitCall(callbacks=(stop,), options={"batch_size": 5}))))
    assert isinstance(arrived.hypermodel, Recording)
    assert arrived.call.callbacks[0].patience == 7
    assert arrived.call.options == {"batch_size": 5}
    assert arrived.objective == ACCURACY


# --- what fit returns


def history(**values: list[float]) -> keras.callbacks.History:
    made = keras.callbacks.History()
    made.history = values
    return made


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (0.25, {"val_accuracy": [0.25]}),
        (np.float32(0.25), {"val_accuracy": [0.25]}),
        ({"val_accuracy": 0.5, "loss": 2}, {"val_accuracy": [0.5], "loss": [2.0]}),
        ([0.25, 0.75], {"val_accuracy": [0.5]}),
        (
            [history(val_accuracy=[0.1, 0.5], loss=[1, 2]), history(val_accuracy=[0.7, 0.2], loss=[3, 4])],
            {"val_accuracy": [0.6], "loss": [2.5]},
        ),
    ],
)
def test_what_keras_tuner_takes_of_a_fit_is_taken(result: Any, expected: dict[str, list[float]]) -> None:
    taken = as_history(result, ACCURACY).history
    assert taken.keys() == expected.keys()
    assert all(taken[name] == pytest.approx(values) for name, values in expected.items())


@pytest.mark.parametrize("result", [None, [], "good", [None], True])
def test_a_fit_that_returns_nothing_useful_is_told(result: Any) -> None:
    with pytest.raises(InputError, match=r"HyperModel.fit must return a History, .*, got (NoneType|list|str|bool)"):
        as_history(result, ACCURACY)


def test_where_no_objective_is_named_fit_must_return_its_figure() -> None:
    nameless = objective_of(None)
    assert nameless.direction == "min"
    assert as_history(0.25, nameless).history == {"default_objective": [0.25]}
    with pytest.raises(InputError, match=r"where none is named, HyperModel.fit must return a number, got a History"):
        as_history(history(val_loss=[0.5]), nameless)


def test_several_objectives_are_summed_epoch_by_epoch() -> None:
    objective = objective_of(["val_accuracy", kt.Objective("val_loss", "min")])
    taken = as_history(history(val_accuracy=[0.25, 0.5], val_loss=[2.0, 1.0]), objective)
    assert taken.history["multi_objective"] == [1.75, 0.5]


# --- hyperparameters that were declared to the tuner


def declared(**allowed: bool) -> Declared:
    given = keras_tuner.HyperParameters()
    given.Fixed("activation", "tanh")
    given.Int("units", 5, 6)
    options = {"tune_new": True, "allow_new": True} | allowed
    return Declared.of(given, **options)


def drawn(entries: Declared) -> tuple[dict[str, Any], list[str]]:
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1)).ask()
    hp = SuggestedHyperParameters(trial)
    entries.install(hp)
    values = {"units": hp.Int("units", 1, 3), "activation": hp.Choice("activation", ["relu", "elu"])}
    return values | {"rate": hp.Float("rate", 0.5, 1.0, default=0.75)}, sorted(trial.params)


def test_a_declared_hyperparameter_wins_over_the_models() -> None:
    values, searched = drawn(declared())
    assert values["units"] in (5, 6)
    assert values["activation"] == "tanh"
    assert searched == ["rate", "units"]


def test_new_entries_keep_their_defaults_where_they_are_not_tuned() -> None:
    values, searched = drawn(declared(tune_new=False))
    assert values["rate"] == 0.75
    assert searched == ["units"]


def test_new_entries_are_refused_where_they_are_not_allowed() -> None:
    with pytest.raises(InputError, match="only activation, units may be declared, got 'rate'"):
        drawn(declared(allow_new=False))


# --- the tuner's compile arguments


def test_a_tuners_compile_arguments_win_over_the_models() -> None:
    adam = keras.optimizers.Adam(0.125)
    model = build_model(keras_tuner.HyperParameters())
    CompileOverrides(optimizer=adam, loss="mse").apply(model)
    assert model.loss == "mse"
    assert float(model.optimizer.learning_rate) == 0.125
    assert model.optimizer is not adam
    assert model._compile_metrics._user_metrics == ["accuracy"]
    CompileOverrides(metrics=["mae"]).apply(model)
    assert (model.loss, model._compile_metrics._user_metrics) == ("mse", ["mae"])
    model.build((None, 64))
    with pytest.raises(kt.errors.FailedTrialError, match="max_model_size: 10 parameters at most are allowed, got 2410"):
        CompileOverrides(max_model_size=10).apply(model)


# --- scripts


def test_a_worker_process_does_not_run_the_script_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)

    @contextlib.contextmanager
    def nothing() -> Iterator[None]:
        yield

    from multiprocessing.spawn import get_preparation_data

    def told(around: Any) -> set[str]:
        with around():
            return {name for name in get_preparation_data("child") if name.startswith("init_main")}

    assert told(nothing)
    assert not told(main_hidden)
    assert told(nothing)


def test_importing_it_needs_no_tensorflow() -> None:
    script = "import sys, sweeps.tuner; print({'keras', 'tensorflow'} & set(sys.modules))"
    root = ROOT
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
