"""The configurations are what they are said to be, and points of the space that all ways are given."""

from __future__ import annotations

from itertools import pairwise

import keras
import keras_tuner

from benchmarks.configurations import CONFIGURATIONS, drawn, label, widths
from benchmarks.space import Untrained, build_model, draw


def test_the_twelve_are_the_chapters_own_network_and_the_draw_that_is_written_down() -> None:
    assert len(CONFIGURATIONS) == 12
    assert label(CONFIGURATIONS[0]) == "300-100 sgd 0.01"
    assert list(CONFIGURATIONS[1:]) == drawn(11)


def test_no_two_configurations_are_alike() -> None:
    assert len(set(map(label, CONFIGURATIONS))) == 12


def test_each_configuration_is_a_point_of_the_space() -> None:
    for configuration in CONFIGURATIONS:
        hp = keras_tuner.HyperParameters()
        hp.values = dict(configuration)
        assert draw(hp) == configuration
        for name, value in configuration.items():
            [asked] = [one for one in hp.space if one.name == name]
            low, high = getattr(asked, "min_value", value), getattr(asked, "max_value", value)
            assert low <= value <= high, f"{name}={value} is not in {low}..{high}"


def test_the_network_has_the_layers_that_the_floor_counts() -> None:
    for configuration in CONFIGURATIONS[:3]:
        hp = keras_tuner.HyperParameters()
        hp.values = dict(configuration)
        model = build_model(hp)
        units = widths(configuration)
        kernels = [tuple(weight.shape) for weight in model.trainable_weights if len(weight.shape) == 2]
        assert kernels == list(pairwise(units))
        assert type(model.optimizer).__name__.lower() == configuration["optimizer"]


def test_an_untrained_trial_draws_all_hyperparameters_and_tells_of_one_epoch() -> None:
    hp, space, told = keras_tuner.HyperParameters(), Untrained(), []
    model = space.build(hp)
    before = model.get_weights()[0].copy()
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: told.append((epoch, logs)))
    history = space.fit(hp, model, None, None, callbacks=[watch], epochs=3)
    assert {"n_hidden", "n_neurons_0", "learning_rate", "optimizer"} <= hp.values.keys()
    assert [epoch for epoch, _ in told] == [0]
    assert history.history["val_accuracy"] == [0.5]
    assert (model.get_weights()[0] == before).all()
