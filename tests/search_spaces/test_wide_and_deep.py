"""The Wide & Deep families learn, by the functional and by the subclassing API, and survive saving."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from as_in_trials import train

from search_spaces import DataSpec, InputSpec, Target
from search_spaces.registry import SPACES
from search_spaces.subclassed import WideAndDeepModel
from search_spaces.wide_and_deep import Auxiliary, TwoInputs, WideAndDeep

Problem = Callable[[Target], tuple[DataSpec, Any, Any]]
FAMILIES = ["wide_and_deep", "wide_and_deep_two_inputs", "wide_and_deep_auxiliary", "wide_and_deep_subclassed"]
COLUMNS = {
    "age": InputSpec((1,), "float32", mean=(40.0,), variance=(100.0,)),
    "income": InputSpec((1,), "float32", mean=(0.0,), variance=(1.0,)),
    "output": InputSpec((1,), "string", vocabulary=("high", "low")),
}


def container(**values: Any) -> keras_tuner.HyperParameters:
    """KerasTuner's own container, which answers with these values and with defaults for the rest."""
    hp = keras_tuner.HyperParameters()
    hp.values.update({name.replace("__", "/"): value for name, value in values.items()})
    return hp


def table(rows: int = 128) -> tuple[dict[str, Any], Any]:
    """Columns with missing values and texts, and a target that hangs on all of them."""
    rng = np.random.default_rng(0)
    age, income = rng.normal(40, 10, (rows, 1)), rng.normal(0, 1, (rows, 1))
    text = rng.choice(["high", "low"], (rows, 1))
    y = (age / 10 + income + (text == "low"))[:, 0].astype("float32")
    age[0] = np.nan
    x = {"age": age.astype("float32"), "income": income.astype("float32")}
    return {**x, "output": keras.ops.convert_to_tensor(text.tolist())}, y


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    ("target", "metric", "better"),
    [("sparse", "accuracy", lambda value: value > 0.8), ("regression", "rmse", lambda value: value < 1.6)],
)
def test_each_family_learns_classes_and_numbers_from_raw_digits(
    name: str, target: Target, metric: str, better: Callable[[float], bool], problem: Problem
) -> None:
    spec, x, y = problem(target)
    keras.utils.set_random_seed(0)
    space, hp = SPACES[name](spec), container(batch_size=16)
    model = space.build(hp)
    history = train(space, hp, model, x, y, validation_data=(x, y), epochs=6)
    prefix = "output_" if name == "wide_and_deep_auxiliary" else ""
    assert better(history[f"val_{prefix}{metric}"][-1])


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_takes_a_table_with_missing_numbers_and_texts_and_loads_again(name: str, tmp_path: Path) -> None:
    x, y = table()
    space, hp = SPACES[name](DataSpec(COLUMNS, "regression", 1)), container(learning_rate=0.02)
    keras.utils.set_random_seed(0)
    model = space.build(hp)
    losses = train(space, hp, model, x, y, epochs=15)["loss"]
    assert losses[-1] < losses[0] / 10
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    keras.tree.map_structure(np.testing.assert_array_equal, again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_the_input_reaches_the_output_layer_straight_and_through_the_hidden_layers(problem: Problem) -> None:
    model = WideAndDeep(problem("sparse")[0]).build(container(n_hidden=3, n_neurons=32))
    assert model.get_layer("output").kernel.shape == (64 + 32, 10)
    assert model.get_layer("hidden_0").kernel.shape == (64, 32)


def two_inputs(**values: Any) -> keras.Model:
    spec = DataSpec(InputSpec((4,), "float32"), "regression", 1)
    return TwoInputs(spec).build(container(n_hidden=1, n_neurons=32, **values))


def test_each_feature_goes_where_it_was_drawn_to() -> None:
    model = two_inputs(features__0="wide", features__1="both", features__2="deep", features__3="deep")
    kernel = model.get_layer("hidden_0").kernel
    assert (kernel.shape, model.get_layer("output").kernel.shape) == ((3, 32), (2 + 32, 1))
    kernel.assign(keras.ops.zeros((3, 32)))  # deep says nothing now: the answer hangs on the wide features alone
    base = model.predict(np.zeros((1, 4)), verbose=0)
    moved = [bool((model.predict(np.eye(4)[[place]], verbose=0) != base).any()) for place in range(4)]
    assert moved == [True, True, False, False]


def test_features_of_a_table_are_chosen_by_their_names() -> None:
    hp = container(**{"features/age": "wide", "features/income": "deep", "features/output": "both"}, n_hidden=1)
    model = TwoInputs(DataSpec(COLUMNS, "regression", 1)).build(hp)
    assert model.get_layer("hidden_0").kernel.shape[0] == 1 + 3
    assert model.get_layer("output_layer").kernel.shape[0] == (1 + 3) + 256


@pytest.mark.parametrize(("where", "message"), [("wide", "4 wide and 0 deep"), ("deep", "0 wide and 4 deep")])
def test_an_empty_feature_subset_is_refused(where: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"each input needs a feature, got {message} of 4 features"):
        two_inputs(**{f"features__{place}": where for place in range(4)})


def test_more_features_than_can_be_chosen_from_are_refused() -> None:
    spec = DataSpec(InputSpec((65,), "float32"), "regression", 1)
    with pytest.raises(ValueError, match="at most 64 features, got 65"):
        TwoInputs(spec).build(container())


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_the_auxiliary_output_has_its_share_of_the_loss(share: float, problem: Problem) -> None:
    spec, x, y = problem("sparse")
    model = Auxiliary(spec).build(container(auxiliary_weight=share))
    answers = {"output": y, "auxiliary": y}
    logs = model.evaluate(x, answers, batch_size=len(x), verbose=0, return_dict=True)
    expected = (1 - share) * logs["output_loss"] + share * logs["auxiliary_loss"]
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)


def test_sample_weights_and_weighted_validation_reach_both_outputs(problem: Problem) -> None:
    spec, x, y = problem("sparse")
    space, hp = Auxiliary(spec), container(optimizer="sgd", learning_rate=0.01)
    model = space.build(hp)
    weights = model.get_weights()
    nothing = np.zeros(len(x), "float32")
    history = train(space, hp, model, x, y, sample_weight=nothing, validation_data=(x, y, nothing), epochs=1)
    assert history["loss"] == history["val_loss"] == [0.0]
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_subclassed_model_has_its_weights_before_its_first_data(problem: Problem) -> None:
    spec, x, _ = problem("sparse")
    model = SPACES["wide_and_deep_subclassed"](spec).build(container(units=32, activation="tanh"))
    assert model.built
    assert model.count_params() == (64 * 32 + 32) + (32 * 32 + 32) + ((64 + 32) * 10 + 10)
    assert model.predict(x[:3], verbose=0).shape == (3, 10)


def test_a_subclassed_model_is_the_chapters_without_a_spec(tmp_path: Path) -> None:
    model = WideAndDeepModel(50, activation="tanh")
    assert model.predict(np.zeros((3, 8), np.float32), verbose=0).shape == (3, 1)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert (again.units, again.activation) == (50, "tanh")
    assert again.count_params() == model.count_params() == (8 * 50 + 50) + (50 * 50 + 50) + (58 + 1)


def test_a_subclassed_model_goes_on_training_where_it_was_saved(problem: Problem, tmp_path: Path) -> None:
    spec, x, y = problem("sparse")
    model = WideAndDeepModel(32, "relu", spec)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.fit(x, y, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert (again.units, again.activation, again.spec) == (32, "relu", spec)
    losses = [it.fit(x, y, epochs=1, shuffle=False, verbose=0).history["loss"] for it in (model, again)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
