"""Wide & Deep: the input goes to the output layer both directly (wide) and through hidden layers (deep).

The wide and the deep features are selected inside the model, so that it takes the whole raw input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from search_spaces.data_spec import InputSpec
from search_spaces.family import Family
from search_spaces.heads import LOSSES, compile_arguments, loss_weight, metrics, output
from search_spaces.hidden import hidden_layers
from search_spaces.optimizers import optimizer
from search_spaces.preprocessing import column_features, column_inputs, encode, features_of, join

MAX_FEATURES = 64

Paths = tuple[Any, keras.KerasTensor, keras.KerasTensor]
"""A model's Input layer (or a dictionary of them), and the features of its wide and its deep path."""


class WideAndDeep(Family):
    """A search space of Wide & Deep networks for any kind of target.

    Hyperparameters: `n_hidden` (1 to 8) and all others as in `MLP`.

    Args:
        spec: the description of the data.
        name: of the space.
    """

    default_name = "wide_and_deep"

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model for raw input with the spec's shapes and dtypes."""
        inputs, wide, deep = self.paths(hp)
        for layer in hidden_layers(hp, fewest=1):
            deep = layer(deep)
        return self.finish(hp, inputs, join([wide, deep]), deep)

    def paths(self, hp: keras_tuner.HyperParameters) -> Paths:
        """The model's inputs, and the features of both paths: here all features for both."""
        inputs, features = encode(self.spec)
        return inputs, features, features

    def finish(
        self,
        hp: keras_tuner.HyperParameters,
        inputs: Any,
        joined: keras.KerasTensor,
        deep: keras.KerasTensor,
    ) -> keras.Model:
        """The compiled model, from the features of both paths (`joined`) and of the last hidden layer (`deep`)."""
        model = keras.Model(inputs, output(joined, self.spec), name=self.name)
        model.compile(optimizer=optimizer(hp), **compile_arguments(self.spec))
        return model


class TwoInputs(WideAndDeep):
    """Wide & Deep with two inputs: for each feature, `features/NAME` is "wide", "deep" or "both".

    Features are the named columns of the data, the columns of an array (`features/0` …), or the rows of images.

    Raises:
        ValueError: (while building) one of the two inputs has no feature, or the data has more than 64.
    """

    default_name = "wide_and_deep_two_inputs"

    def paths(self, hp: keras_tuner.HyperParameters) -> Paths:
        """The model's inputs, and the selected features of both paths."""
        if isinstance(self.spec.inputs, Mapping):
            return _selected_columns(hp, self.spec.inputs)
        return _selected_axis(hp, self.spec.inputs)


class Auxiliary(WideAndDeep):
    """Wide & Deep with an auxiliary output on the deep path, which regularizes it.

    The additional hyperparameter `auxiliary_weight` is the auxiliary output's share of the loss. The model has the
    outputs "output" and "auxiliary", whose names precede those of the metrics: `output_accuracy`.
    """

    default_name = "wide_and_deep_auxiliary"

    def finish(
        self,
        hp: keras_tuner.HyperParameters,
        inputs: Any,
        joined: keras.KerasTensor,
        deep: keras.KerasTensor,
    ) -> keras.Model:
        """The compiled model with both outputs."""
        share = hp.Float("auxiliary_weight", 0.0, 0.5, default=0.1)
        weight = loss_weight(self.spec)
        outputs = {
            "output": output(joined, self.spec),
            "auxiliary": output(deep, self.spec, name="auxiliary"),
        }
        model = keras.Model(inputs, outputs, name=self.name)
        model.compile(
            optimizer=optimizer(hp),
            loss=dict.fromkeys(outputs, LOSSES[self.spec.target]),
            loss_weights={"output": (1 - share) * weight, "auxiliary": share * weight},
            metrics={name: metrics(self.spec) for name in outputs},
        )
        return model

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, x: Any, y: Any, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """`model.fit` with the target, sample weights and validation data repeated for both outputs."""
        if kwargs.get("sample_weight") is not None:
            kwargs["sample_weight"] = _twice(kwargs["sample_weight"])
        if kwargs.get("validation_data") is not None:
            x_valid, *targets = kwargs["validation_data"]
            kwargs["validation_data"] = (x_valid, *map(_twice, targets))
        return super().fit(hp, model, x, _twice(y), *args, **kwargs)


def _selected_columns(hp: keras_tuner.HyperParameters, columns: Mapping[str, InputSpec]) -> Paths:
    wide, deep = _subsets(hp, list(columns))
    inputs = column_inputs(columns)
    features = column_features(inputs, columns)
    return inputs, join([features[name] for name in wide]), join([features[name] for name in deep])


def _selected_axis(hp: keras_tuner.HyperParameters, spec: InputSpec) -> Paths:
    """Select along the first axis after the batch: columns of a table, rows of an image."""
    n_features = spec.shape[0]
    wide, deep = _subsets(hp, list(map(str, range(n_features))))
    inputs = keras.Input(shape=spec.shape, dtype=spec.dtype, name="input")
    features = keras.layers.Reshape((n_features, -1), name="by_feature")(features_of(inputs, spec))

    def selected(name: str, indices: list[str]) -> keras.KerasTensor:
        return keras.layers.Flatten(name=name)(keras.ops.take(features, list(map(int, indices)), axis=1))

    return inputs, selected("wide", wide), selected("deep", deep)


def _twice(y: Any) -> dict[str, Any]:
    return {"output": y, "auxiliary": y}


def _subsets(hp: keras_tuner.HyperParameters, names: list[str]) -> tuple[list[str], list[str]]:
    """Draw the path of each feature; returns the names of the wide and of the deep ones."""
    if len(names) > MAX_FEATURES:
        raise ValueError(f"feature subsets need at most {MAX_FEATURES} features, got {len(names)}")
    with hp.name_scope("features"):
        drawn = {name: hp.Choice(name, ["both", "wide", "deep"]) for name in names}
    wide = [name for name in names if drawn[name] != "deep"]
    deep = [name for name in names if drawn[name] != "wide"]
    if not (wide and deep):
        raise ValueError(
            f"each input needs a feature, got {len(wide)} wide and {len(deep)} deep of {len(names)} features"
        )
    return wide, deep
