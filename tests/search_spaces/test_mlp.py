"""The mlp family learns every kind of target, and asks for what is in force only."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from as_in_trials import train

from search_spaces import DataSpec, InputSpec, Target
from search_spaces.mlp import MLP
from search_spaces.registry import SPACES

Problem = Callable[[Target], tuple[DataSpec, Any, Any]]

# What a model that has learned nothing reaches: the commonest class, or the deviation of the target.
CHANCE = {"sparse": 0.11, "one_hot": 0.11, "binary": 0.52, "multi_label": 0.57, "regression": 2.87}


def container(**values: Any) -> keras_tuner.HyperParameters:
    """KerasTuner's own container, which answers with these values and with defaults for the rest."""
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    return hp


@pytest.mark.parametrize(("name", "target"), [*(("mlp", target) for target in CHANCE), ("mlp_per_layer", "sparse")])
def test_the_defaults_learn_raw_digits_for_every_kind_of_target(name: str, target: Target, problem: Problem) -> None:
    spec, x, y = problem(target)
    keras.utils.set_random_seed(0)
    hp = container()
    space = SPACES[name](spec)
    model = space.build(hp)
    history = train(space, hp, model, x, y, epochs=4, validation_data=(x, y))
    if target == "regression":
        assert min(history["val_rmse"]) < CHANCE[target] / 1.5
    else:
        assert max(history["val_accuracy"]) > (1 + CHANCE[target]) / 2


def test_fit_trains_with_the_drawn_batch_size(problem: Problem) -> None:
    spec, x, y = problem("sparse")
    hp = container(batch_size=128, n_hidden=0)
    space = MLP(spec)
    model = space.build(hp)
    train(space, hp, model, x, y, epochs=1)
    assert int(model.optimizer.iterations) == 3  # 360 rows


@pytest.mark.parametrize("n_hidden", [0, 1, 8])
def test_there_are_as_many_hidden_layers_as_drawn(n_hidden: int, problem: Problem) -> None:
    model = MLP(problem("sparse")[0]).build(container(n_hidden=n_hidden, n_neurons=64, dropout=0.25))
    dense = [layer for layer in model.layers if layer.name.startswith("hidden")]
    dropout = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert [layer.units for layer in dense] == [64] * n_hidden
    assert len(dropout) == n_hidden


def test_each_layer_has_a_width_of_its_own_when_asked_for(problem: Problem) -> None:
    hp = container(n_hidden=3, n_neurons_0=32, n_neurons_1=512, n_neurons_2=96)
    model = MLP(problem("sparse")[0], per_layer=True).build(hp)
    assert [layer.units for layer in model.layers if layer.name.startswith("hidden")] == [32, 512, 96]
    assert not hp.is_active("n_neurons_3")


def test_a_model_without_hidden_layers_asks_for_none_of_their_properties(problem: Problem) -> None:
    hp = container(n_hidden=0)
    MLP(problem("sparse")[0]).build(hp)
    assert set(hp.values) == {"n_hidden", "optimizer", "learning_rate", "weight_decay"}


def test_only_adamw_has_a_weight_decay(problem: Problem) -> None:
    space = MLP(problem("sparse")[0])
    assert space.build(container(weight_decay=0.05)).optimizer.weight_decay == 0.05
    adam = container(optimizer="adam")
    assert space.build(adam).optimizer.weight_decay is None
    assert not adam.is_active("weight_decay")


def test_batch_normalization_is_between_a_layer_without_bias_and_its_activation(problem: Problem) -> None:
    model = MLP(problem("sparse")[0]).build(container(batch_norm=True, n_hidden=1, activation="selu", dropout=0.25))
    dense, norm, activation, dropout = model.layers[-5:-1]
    assert (type(dense), dense.use_bias, dense.activation) == (keras.layers.Dense, False, keras.activations.linear)
    assert isinstance(norm, keras.layers.BatchNormalization)
    assert activation.activation is keras.activations.selu
    assert isinstance(dropout, keras.layers.Dropout)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_the_model_is_compiled_with_the_drawn_optimizer_and_rate(name: str, problem: Problem) -> None:
    model = MLP(problem("sparse")[0]).build(container(optimizer=name, learning_rate=0.0125))
    assert type(model.optimizer).__name__.lower() == name
    assert float(model.optimizer.learning_rate) == pytest.approx(0.0125)


def test_the_drawn_activation_and_initializers_reach_the_hidden_layers(problem: Problem) -> None:
    hp = container(activation="tanh", kernel_initializer="lecun_normal", bias_initializer="ones")
    layer = MLP(problem("sparse")[0]).build(hp).get_layer("hidden_1")
    assert layer.activation is keras.activations.tanh
    assert isinstance(layer.kernel_initializer, keras.initializers.LecunNormal)
    assert np.all(layer.get_weights()[1] == 1)


def test_the_names_of_layers_do_not_depend_on_what_was_built_before(problem: Problem) -> None:
    space = MLP(problem("sparse")[0])
    names = [[layer.name for layer in space.build(container()).layers] for _ in range(2)]
    assert names[0] == names[1]


def test_a_space_survives_pickling(problem: Problem) -> None:
    space = pickle.loads(pickle.dumps(SPACES["mlp_per_layer"](problem("sparse")[0])))
    assert space.build(container(n_hidden=1, n_neurons_0=64)).get_layer("hidden_0").units == 64


def test_a_table_with_missing_numbers_and_texts_trains_and_saves(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    town = rng.choice(["Basel", "Chur"], (128, 1))
    age = rng.normal(40, 10, (128, 1)).astype("float32")
    y = ((age > 40) ^ (town == "Chur"))[:, 0].astype("int32")
    age[:5] = np.nan
    columns = {
        "age": InputSpec((1,), "float32", mean=(40.0,), variance=(100.0,)),
        "town": InputSpec((1,), "string", vocabulary=("Basel", "Chur")),
    }
    x = {"age": age, "town": keras.ops.convert_to_tensor(town.tolist())}
    space, hp = MLP(DataSpec(columns, "binary", 1)), container(learning_rate=0.01)
    keras.utils.set_random_seed(0)
    model = space.build(hp)
    history = train(space, hp, model, x, y, epochs=20)
    assert history["accuracy"][-1] > 0.9
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
