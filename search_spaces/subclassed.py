"""Wide & Deep with Keras's subclassing API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from search_spaces.data_spec import DataSpec, InputSpec
from search_spaces.family import Family
from search_spaces.heads import compile_arguments, output
from search_spaces.hidden import ACTIVATIONS
from search_spaces.optimizers import optimizer
from search_spaces.preprocessing import encode


@keras.saving.register_keras_serializable(package="search_spaces")
class WideAndDeepModel(keras.Model):  # type: ignore[misc]
    """Two hidden layers whose output is concatenated with the input before the output layer.

    A saved model can be loaded wherever this module can be imported.

    Args:
        units: neurons of each hidden layer.
        activation: of the hidden layers.
        spec: the description of the data, or its configuration; None: regression from eight numbers.
    """

    def __init__(
        self, units: int = 30, activation: str = "relu", spec: DataSpec | dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = activation
        spec = spec or DataSpec(InputSpec((8,), "float32"), "regression", 1)
        self.spec = spec if isinstance(spec, DataSpec) else DataSpec.from_config(spec)
        inputs, features = encode(self.spec)
        self.encoder = keras.Model(inputs, features, name="encoder")
        self.hidden_0 = keras.layers.Dense(units, activation=activation, name="hidden_0")
        self.hidden_1 = keras.layers.Dense(units, activation=activation, name="hidden_1")
        joined = keras.Input((features.shape[-1] + units,))
        self.head = keras.Model(joined, output(joined, self.spec), name="head")

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Raw input (n, …) to probabilities or numbers, float32 (n, outputs)."""
        if isinstance(inputs, Mapping):  # Keras takes a dictionary in another order for another structure
            inputs = {name: inputs[name] for name in self.encoder.input}
        features = self.encoder(inputs)
        deep = self.hidden_1(self.hidden_0(features))
        return self.head(keras.ops.concatenate([features, deep], axis=-1))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON values."""
        own = {"units": self.units, "activation": self.activation, "spec": self.spec.get_config()}
        return {**super().get_config(), **own}


class WideAndDeepSubclassed(Family):
    """A search space of `WideAndDeepModel`s for any kind of target.

    Hyperparameters: `units` (32 to 512), `activation`, and, as in `MLP`, `optimizer`, `learning_rate`, `weight_decay`,
    `batch_size` and `schedule`.
    """

    default_name = "wide_and_deep_subclassed"

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model, built here rather than at its first call."""
        units = hp.Int("units", 32, 512, step=32, default=256)
        model = WideAndDeepModel(units, hp.Choice("activation", list(ACTIVATIONS)), self.spec, name=self.name)
        model(encode(self.spec)[0])
        model.compile(optimizer=optimizer(hp), **compile_arguments(self.spec))
        return model
