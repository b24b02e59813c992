"""Wide & Deep: the input goes to the output layer both straight (wide) and through hidden layers (deep).

Models take raw input like all others: which features are wide and which are deep is chosen inside the model,
so that nobody has to cut the data when they train, export or predict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from search_spaces.data_spec import DataSpec, InputSpec
from search_spaces.family import Family
from search_spaces.heads import LOSSES, compile_arguments, loss_weight, metrics, output
from search_spaces.hidden import KEPT, hidden_layers
from search_spaces.optimizers import optimizer
from search_spaces.preprocessing import columns_of, encode, entrances_of, features_of, join

MAX_FEATURES = 64

Paths = tuple[Any, keras.KerasTensor, keras.KerasTensor]
"""A model's input (or dictionary of inputs), and the features of its wide and of its deep path."""


class WideAndDeep(Family):
    """A search space of Wide & Deep networks for any kind of target.

    Hyperparameters: `n_hidden` (1 to 8) and the properties of the hidden layers, `optimizer`,
    `learning_rate`, `batch_size` and `schedule`, as in `MLP`.

    Args:
        spec: what the data asks of a model.
        name: of the space.
    """

    kept = KEPT

    def __init__(self, spec: DataSpec, name: str = "wide_and_deep") -> None:
        super().__init__(spec, name)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model, built for raw input of the spec's shapes and dtypes."""
        inputs, wide, deep = self.paths(hp)
        for layer in hidden_layers(hp, fewest=1):
            deep = layer(deep)
        return self.finish(hp, inputs, join([wide, deep]), deep)

    def paths(self, hp: keras_tuner.HyperParameters) -> Paths:
        """The model's inputs, and the features of the wide and of the deep path: here all of them for
        both."""
        inputs, features = encode(self.spec)
        return inputs, features, features

    def finish(
        self,
        hp: keras_tuner.HyperParameters,
        inputs: Any,
        joined: keras.KerasTensor,
        deep: keras.KerasTensor,
    ) -> keras.Model:
        """The compiled model; `joined` are the features of both paths, `deep` those of the last hidden
        layer."""
        model = keras.Model(inputs, output(joined, self.spec), name=self.name)
        model.compile(optimizer=optimizer(hp), **compile_arguments(self.spec))
        return model


class TwoInputs(WideAndDeep):
    """Wide & Deep with two inputs: for each feature, `features/NAME` says whether it is wide, deep, or both.

    Features are the named columns of the data, or the columns of an array (`features/0` …; of images the
    rows).

    Raises:
        ValueError: (while building) no feature is left for one of the two inputs, or the data has more than
            64.
    """

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec, "wide_and_deep_two_inputs")

    def paths(self, hp: keras_tuner.HyperParameters) -> Paths:
        """The model's inputs, and the chosen features of both paths."""
        if isinstance(self.spec.inputs, Mapping):
            return _chosen_columns(hp, self.spec.inputs)
        return _chosen_places(hp, self.spec.inputs)


class Auxiliary(WideAndDeep):
    """Wide & Deep with a second output on the deep path, which regularizes it.

    One more hyperparameter, `auxiliary_weight`: the auxiliary output's share of the loss, the main one's
    being the rest. The model's answer is a dictionary: "output" and "auxiliary"; metrics bear the output's
    name: `output_accuracy`.
    """

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec, "wide_and_deep_auxiliary")

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
        """`model.fit` with the target (and sample weights, and validation data) given to both outputs."""
        for name in ("validation_data", "sample_weight"):
            if kwargs.get(name) is not None:
                kwargs[name] = _for_both(name, kwargs[name])
        return super().fit(hp, model, x, _twice(y), *args, **kwargs)


def _chosen_columns(hp: keras_tuner.HyperParameters, columns: Mapping[str, InputSpec]) -> Paths:
    wide, deep = _subsets(hp, list(columns))
    inputs = entrances_of(columns)
    features = columns_of(inputs, columns)
    return inputs, join([features[name] for name in wide]), join([features[name] for name in deep])


def _chosen_places(hp: keras_tuner.HyperParameters, spec: InputSpec) -> Paths:
    """Along the first axis after the batch: columns of a table, rows of an image."""
    n_features = spec.shape[0]
    wide, deep = _subsets(hp, [str(place) for place in range(n_features)])
    inputs = keras.Input(shape=spec.shape, dtype=spec.dtype, name="input")
    features = keras.layers.Reshape((n_features, -1), name="by_feature")(features_of(inputs, spec))
    taken = {
        name: keras.ops.take(features, [int(place) for place in places], axis=1)
        for name, places in (("wide", wide), ("deep", deep))
    }
    paths = {name: keras.layers.Flatten(name=name)(path) for name, path in taken.items()}
    return inputs, paths["wide"], paths["deep"]


def _for_both(name: str, value: Any) -> Any:
    if name == "sample_weight":
        return _twice(value)
    x, *targets = value
    return (x, *map(_twice, targets))


def _twice(y: Any) -> dict[str, Any]:
    return {"output": y, "auxiliary": y}


def _subsets(hp: keras_tuner.HyperParameters, names: list[str]) -> tuple[list[str], list[str]]:
    """Draws for each feature where it goes; the names of the wide and of the deep ones."""
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
