"""The look before anything is stored: what is wrong with space, data or objective is said in a line or two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import own_models
import pytest
from keras.src.backend.common.global_state import get_global_attribute
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from keras_tuner.errors import FailedTrialError, FatalTypeError

from sweeps.data import Dataset, DataSource, from_arrays
from sweeps.errors import InputError
from sweeps.space.reference import Space
from sweeps.study.objective_choice import choose_objective
from sweeps.study.study import Objective
from sweeps.trial.plan import SweepRequest
from sweeps.trial.preflight import preflight


@pytest.fixture(autouse=True)
def _nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def data() -> Dataset:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 5)).astype("float32")
    return from_arrays(x, generator.integers(0, 3, 200), DataSource("arrays"))


REQUEST = SweepRequest("mlp", DataSource("arrays"), (), (), (), 0, False, start="default")


def model(units: int = 3, activation: str = "softmax", features: int = 5, **compiled: Any) -> keras.Model:
    inputs = keras.Input((features,))
    built = keras.Model(inputs, keras.layers.Dense(units, activation=activation)(inputs))
    built.compile(**{"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]} | compiled)
    return built


def raises(hp: keras_tuner.HyperParameters) -> keras.Model:
    raise ZeroDivisionError("no such thing")


def no_model(hp: keras_tuner.HyperParameters) -> str:
    return "a model"


def not_compiled(hp: keras_tuner.HyperParameters) -> keras.Model:
    inputs = keras.Input((5,))
    return keras.Model(inputs, keras.layers.Dense(3)(inputs))


def changes_kind(hp: keras_tuner.HyperParameters) -> keras.Model:
    hp.Int("units", 1, 4)
    hp.Choice("units", ["few", "many"])
    return model()


def nan(hp: keras_tuner.HyperParameters) -> keras.Model:
    inputs = keras.Input((5,))
    outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.Rescaling(float("nan"))(inputs))
    built = keras.Model(inputs, outputs)
    built.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return built


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (raises, r"cannot build a model: ZeroDivisionError: no such thing \(.*test_preflight.py, line \d+\)"),
        (no_model, "must build a keras.Model, got str"),
        (not_compiled, "must build a compiled model"),
        (changes_kind, "hyperparameter 'units' must be declared alike each time"),
        (lambda hp: model(units=2), "2 outputs, the target has class indices up to 2"),
        (lambda hp: model(features=7), "does not fit the data"),
        (lambda hp: model(loss="categorical_crossentropy"), "does not fit the data"),
        (nan, "loss=nan after one batch"),
        ("mlpp", "unknown space 'mlpp'. Did you mean 'mlp'?"),
        ("no_such_module:build", "the module of a space must exist, got 'no_such_module'"),
        ("none.py:build", "the file of a space must exist"),
    ],
)
def test_a_space_that_cannot_train_on_the_data_is_refused(data: Dataset, space: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        preflight(replace(REQUEST, space=space), data)
    assert len(str(error.value).splitlines()) <= 2


def test_the_fault_of_a_model_is_said_beside_the_columns_that_another_model_could_not_take() -> None:
    source = DataSource("table", as_given=True)
    table = from_arrays({"city": ["Lima", "Bergen"] * 20, "age": np.arange(40.0)}, np.arange(40) % 2, source)

    def misspelt(hp: keras_tuner.HyperParameters) -> keras.Model:
        raise NameError("name 'dense' is not defined")

    def without_get_config(hp: keras_tuner.HyperParameters) -> keras.Model:
        inputs = {"city": keras.Input((1,), name="city", dtype="string"), "age": keras.Input((1,), name="age")}
        city = keras.layers.StringLookup(vocabulary=["Lima"], output_mode="multi_hot")(inputs["city"])
        joined = keras.layers.Concatenate()([city, own_models.Unsavable(object())(inputs["age"])])
        built = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(joined))
        built.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
        return built

    with pytest.raises(InputError, match=r"(?s)name 'dense' is not defined.*\n.*'city' holds text \(2 different\)"):
        preflight(replace(REQUEST, space=misspelt), table)
    with pytest.raises(InputError) as refused:
        preflight(replace(REQUEST, space=without_get_config), table)
    assert "the space's model cannot be" in str(refused.value)
    assert "holds text" not in str(refused.value)


@pytest.mark.parametrize(
    ("narrowing", "said"),
    [
        ("n_hiden=3", "unknown hyperparameter 'n_hiden'. Did you mean 'n_hidden'?"),
        ("n_hidden=1..99", "n_hidden"),
        ("n_hidden=4..1", "n_hidden"),
        ("optimizer=sdg", "optimizer"),
        ("learning_rate=nan", "learning_rate"),
        ("n_hidden", "--set must be NAME=VALUE"),
        ("epochs=2..9", "the range must lie within the space's\nAllowed: 1..5"),
        ("bias_initializer=nought", "bias_initializer"),
    ],
)
def test_a_narrowing_that_the_space_does_not_have_is_refused(data: Dataset, narrowing: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        preflight(replace(REQUEST, set=(narrowing,), epochs=5), data)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"bias_initializer": "ones"},
            "bias_initializer is kept at zeros: free it by --set bias_initializer=zeros,ones",
        ),
        ({"epochs": 3}, r"epochs are no hyperparameter here: make them one by --set epochs=1\.\.3"),
    ],
)
def test_an_enqueued_trial_that_needs_a_set_says_which(data: Dataset, values: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        preflight(replace(REQUEST, enqueue=(values,), epochs=5), data)


def test_epochs_that_a_space_draws_under_a_condition_are_its_own(data: Dataset) -> None:
    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        hp.Choice("length", ["short", "long"])
        with hp.conditional_scope("length", ["long"]):
            hp.Int("epochs", 10, 20)
        return model()

    assert not preflight(replace(REQUEST, space=build, set=("epochs=11..12",), epochs=5), data).draws_epochs


@pytest.mark.parametrize(
    "values", [{"n_hiden": 3}, {"n_hidden": 99}, {"optimizer": "sdg"}, {"n_hidden": "many"}, {"n_hidden": True}]
)
def test_an_enqueued_trial_that_the_space_does_not_have_is_refused(data: Dataset, values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(values))):
        preflight(replace(REQUEST, enqueue=(values,)), data)


def recall(y: Any, p: Any) -> Any:
    """NaN where no row is positive."""
    y = keras.ops.cast(keras.ops.reshape(y, (-1,)), "float32")
    return keras.ops.sum(y * keras.ops.reshape(p, (-1,))) / keras.ops.sum(y)


@pytest.mark.parametrize("objective", ["val_recall", "val_loss"])
def test_a_metric_that_is_undefined_on_a_few_rows_is_no_fault(objective: str) -> None:
    x = np.random.default_rng(0).normal(size=(400, 5)).astype("float32")
    y = np.zeros(400, int)
    y[20::40] = 1

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        return model(1, "sigmoid", loss="binary_crossentropy", metrics=[recall])

    rare = from_arrays(x, y, DataSource("arrays", test_fraction=0.0), (x, y))
    assert not rare.train.y[:15].any()
    assert preflight(replace(REQUEST, space=build, objectives=(objective,)), rare).objective.metric == objective


@pytest.mark.parametrize("name", ["units (layer 1)%", "MAP@5", "a//b", "../schichtgröße", "x" * 996])
def test_a_hyperparameter_and_a_metric_may_bear_any_name_that_can_be_shown(data: Dataset, name: str) -> None:
    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        hp.Int(name, 1, 4)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name=name.replace("/", ":"))  # no name of a graph's
        return model(metrics=[accuracy])

    request = replace(REQUEST, space=build, set=(f"{name}=2..3",), enqueue=({name: 3},))
    metric = f"val_{name.replace('/', ':')}"
    found = preflight(replace(request, objectives=(f"{metric}:max",)), data)
    assert found.enqueue == ({name: 3},)
    assert found.objective == Objective(metric, "maximize")


def test_a_space_that_sometimes_fails_is_let_through_with_a_warning(data: Dataset) -> None:
    def sometimes(hp: keras_tuner.HyperParameters) -> keras.Model:
        if hp.Choice("mood", ["good", "bad"]) == "bad":
            raise RuntimeError("a bad mood")
        return model()

    for seed in range(8):
        try:
            found = preflight(replace(REQUEST, space=sometimes, seed=seed), data)
        except InputError:  # all draws were bad
            continue
        if found.warnings:
            assert "a bad mood" in found.warnings[0]
            return
    pytest.fail("no seed drew a bad mood once")


def picky(unwanted: list[int], kind: type[Exception]) -> Space:
    """A space that does not want some of its three points, 0 being the default."""

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        if hp.Choice("point", [0, 1, 2]) in unwanted:
            raise kind("not this one")
        return model()

    return build


def test_a_space_that_does_not_want_its_own_defaults_is_tried_elsewhere(data: Dataset) -> None:
    found = preflight(replace(REQUEST, space=picky([0, 1], FailedTrialError)), data)
    assert (found.objective.metric, found.enqueue) == ("val_accuracy", ())
    with pytest.raises(InputError, match="FailedTrialError: not this one"):
        preflight(replace(REQUEST, space=picky([0, 1, 2], FailedTrialError)), data)
    with pytest.raises(InputError, match="RuntimeError: not this one"):
        preflight(replace(REQUEST, space=picky([0], RuntimeError)), data)


def test_points_that_a_space_does_not_want_are_no_reason_to_stop_but_a_fatal_one_is(data: Dataset) -> None:
    assert preflight(replace(REQUEST, space=picky([1, 2], FailedTrialError), seed=1), data).warnings
    with pytest.raises(InputError, match="FatalTypeError: not this one"):
        preflight(replace(REQUEST, space=picky([1, 2], FatalTypeError), seed=1), data)


def test_the_first_trial_has_the_spaces_defaults_and_enqueued_ones_replace_it(data: Dataset) -> None:
    (first,) = preflight(REQUEST, data).enqueue
    assert first["n_hidden"] == 2
    assert first["optimizer"] == "adamw"
    (narrowed,) = preflight(replace(REQUEST, set=("n_hidden=4",)), data).enqueue
    assert narrowed.get("n_hidden", 4) == 4
    asked = preflight(replace(REQUEST, enqueue=({"n_hidden": 1},)), data)
    assert asked.enqueue == ({**first, "n_hidden": 1},)
    (said,) = asked.warnings
    assert said.startswith("enqueued trials: 1 leave values open, which are the defaults: ")
    assert "learning_rate=0.001" in said
    assert "n_hidden=" not in said
    assert "bias_initializer" not in said  # kept at one value
    assert preflight(replace(REQUEST, enqueue=(first,)), data).warnings == ()


def test_epochs_and_bias_initializers_are_searched_only_where_they_are_asked_for(data: Dataset) -> None:
    (plain,) = preflight(REQUEST, data).enqueue
    assert "epochs" not in plain
    assert plain["bias_initializer"] == "zeros"
    found = preflight(replace(REQUEST, set=("epochs=2..4", "bias_initializer=ones,zeros"), epochs=5), data)
    assert found.draws_epochs
    assert found.hyperparameters["epochs"] == "Int 1..5"
    assert found.enqueue[0]["epochs"] == 4  # the default, as near as the narrowing lets it be


def test_a_space_that_draws_epochs_itself_is_left_to_do_so(data: Dataset) -> None:
    class Own(keras_tuner.HyperModel):  # type: ignore[misc]
        def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
            return model()

        def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
            return model.fit(*args, **kwargs | {"epochs": hp.Int("epochs", 10, 20)})

    found = preflight(replace(REQUEST, space=Own(), set=("epochs=11..12",), epochs=5), data)
    assert not found.draws_epochs
    assert found.enqueue[0]["epochs"] == 11


def test_what_is_found_describes_the_data(data: Dataset) -> None:
    found = preflight(REQUEST, data)
    assert found.digest == data.digest
    assert found.rows == {"train": len(data.train), "validation": len(data.validation), "test": len(data.test or ())}
    assert found.data["labels"] == ("0", "1", "2")
    assert found.objective == Objective("val_accuracy", "maximize")


LOGS = {"loss": 1.0, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.5, "val_score": 0.1}
#: of outputs that are called accuracy and r2, and a metric with a colon in its name
NAMED = {"val_accuracy_loss": 1.0, "val_r2_loss": 1.0, "val_f1:macro": 0.5}


@pytest.mark.parametrize(
    ("asked", "objective"),
    [
        (None, Objective("val_accuracy", "maximize")),
        ("val_loss", Objective("val_loss", "minimize")),
        ("accuracy:train", Objective("accuracy", "maximize")),
        ("loss:train:max", Objective("loss", "maximize")),
        ("loss:max:train", Objective("loss", "maximize")),
        ("val_f1:macro:max", Objective("val_f1:macro", "maximize")),
        ("val_f1:macro", Objective("val_f1:macro", "maximize")),
        ("val_accuracy_loss", Objective("val_accuracy_loss", "minimize")),
        ("val_r2_loss", Objective("val_r2_loss", "minimize")),
        ("val_score:max", Objective("val_score", "maximize")),
        ("val_accuracy:min", Objective("val_accuracy", "minimize")),
    ],
)
def test_an_objectives_direction_follows_from_its_name_or_is_given(asked: str | None, objective: Objective) -> None:
    assert choose_objective(asked, "sparse", LOGS | NAMED) == objective


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            "val_acuracy",
            "no metric is named 'val_acuracy'; there are accuracy, loss, val_accuracy, val_loss, val_score",
        ),
        ("accuracy", "'accuracy' is measured on the rows that a trial trains on; use val_accuracy"),
        ("accuracy:max", "Where that is meant: accuracy:train"),
        ("loss", "use val_loss"),
        ("val_score", "say val_score:max or val_score:min"),
        ("val_score:up", "NAME:min or NAME:max is wanted"),
    ],
)
def test_an_objective_that_no_metric_bears_is_refused_and_the_metrics_are_named(asked: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        choose_objective(asked, "sparse", LOGS)


def test_a_regression_is_searched_by_its_error() -> None:
    logs = {"loss": 1.0, "val_loss": 1.0, "val_rmse": 1.0}
    assert choose_objective(None, "regression", logs) == Objective("val_rmse", "minimize")


def test_targets_choose_the_head(data: Dataset) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(120, 4)).astype("float32")
    targets: dict[str, Callable[[], Any]] = {
        "binary": lambda: generator.integers(0, 2, 120),
        "one_hot": lambda: np.eye(3)[generator.integers(0, 3, 120)],
        "multi_label": lambda: np.concatenate([np.eye(4), np.ones((1, 4)), generator.integers(0, 2, (115, 4))]),
        "regression": lambda: generator.normal(size=120),
    }
    for kind, target in targets.items():
        found = preflight(REQUEST, from_arrays(x, target(), DataSource("arrays")))
        assert found.data["target"] == kind
        assert found.objective.metric == ("val_rmse" if kind == "regression" else "val_accuracy")


@pytest.mark.parametrize("returned", [lambda history: 0.5, lambda history: {"val_accuracy": 0.5}])
def test_a_fit_of_ones_own_may_return_a_number_or_metrics(data: Dataset, returned: Callable[[Any], Any]) -> None:
    class Own(keras_tuner.HyperModel):
        def build(self, hp: Any) -> keras.Model:
            return model()

        def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
            return returned(model.fit(*args, **kwargs))

    assert preflight(replace(REQUEST, space=Own()), data).objective == Objective("val_accuracy", "maximize")


def test_a_metric_has_the_same_name_in_every_model_of_a_process() -> None:
    """Keras calls the second AUC of a process auc_1, and KerasTuner forgets that before each model."""

    class Own(keras_tuner.HyperModel):
        def build(self, hp: Any) -> keras.Model:
            hp.Int("units", 1, 9)
            return model(1, "sigmoid", loss="binary_crossentropy", metrics=[keras.metrics.AUC()])

        def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
            return {"val_auc": max(model.fit(*args, **kwargs).history["val_auc"])}

    x = np.random.default_rng(0).normal(size=(100, 5)).astype("float32")
    binary = from_arrays(x, (x[:, 0] > 0).astype(int), DataSource("arrays"))
    found = preflight(replace(REQUEST, space=Own(), objectives=("val_auc",)), binary)
    assert (found.objective, found.warnings) == (Objective("val_auc", "maximize"), ())


def test_nothing_of_a_look_is_left_that_a_trial_would_draw_from(data: Dataset) -> None:
    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        hp.Boolean("odd")
        keras.random.uniform(())  # makes Keras's own generator, whose state a retry in another process does not have
        return model()

    preflight(replace(REQUEST, space=build, enqueue=({"odd": True},), total=1), data)
    assert get_global_attribute(GLOBAL_SEED_GENERATOR) is None
