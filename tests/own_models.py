"""A space's file whose models are made of classes and functions that nobody registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


class Scale(keras.layers.Layer):  # type: ignore[misc]
    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x: Any) -> Any:
        return x * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class Forgetful(Scale):
    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(factor, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {name: value for name, value in super().get_config().items() if name != "factor"}


class Unsavable(keras.layers.Layer):  # type: ignore[misc]
    def __init__(self, function: object) -> None:
        super().__init__()
        self.function = function

    def call(self, x: Any) -> Any:
        return x


class Sgd(keras.optimizers.SGD):  # type: ignore[misc]
    pass


class Slow(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    def __call__(self, step: Any) -> float:
        return 0.01

    def get_config(self) -> dict[str, Any]:
        return {}


class Ridge(keras.regularizers.Regularizer):  # type: ignore[misc]
    def __call__(self, x: Any) -> Any:
        return 0.01 * ops.sum(ops.square(x))

    def get_config(self) -> dict[str, Any]:
        return {}


class Bounded(keras.constraints.Constraint):  # type: ignore[misc]
    def __call__(self, w: Any) -> Any:
        return ops.clip(w, -1, 1)


class Squares(keras.metrics.MeanSquaredError):  # type: ignore[misc]
    pass


def constant(shape: Any, dtype: Any = None) -> Any:
    return ops.full(shape, 0.25, dtype)


def swish(x: Any) -> Any:  # not Keras's
    return x * ops.sigmoid(3 * x)


def distance(y: Any, p: Any) -> Any:
    return ops.mean(ops.abs(y - p), -1)


def make_loss(alpha: float) -> Callable[[Any, Any], Any]:
    def loss(y: Any, p: Any) -> Any:
        return alpha * ops.mean(ops.square(y - p), -1)

    return loss


def network(*layers: Any, **compiled: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1)])
    model.compile(**{"optimizer": "sgd", "loss": "mse"} | compiled)
    return model


def of_all_kinds(hp: Any) -> keras.Model:
    class Inside(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x + 1

    hidden = keras.layers.Dense(
        3, swish, kernel_regularizer=Ridge(), kernel_initializer=constant, kernel_constraint=Bounded()
    )
    loss, metrics = make_loss(hp.Choice("alpha", [0.5, 4.0])), [distance, Squares()]
    return network(Scale(3.0), Inside(), hidden, optimizer=Sgd(Slow()), loss=loss, metrics=metrics)


def lambda_layer(hp: Any) -> keras.Model:
    factor = hp.Choice("factor", [1.0, 2.0])
    return network(keras.layers.Lambda(lambda x: ops.abs(x) * factor))


def self_contained_lambda(hp: Any) -> keras.Model:
    return network(keras.layers.Lambda(lambda x: x * 2))


def lambda_activation(hp: Any) -> keras.Model:
    return network(keras.layers.Dense(2, activation=lambda x: x * 2))


def lambda_loss(hp: Any) -> keras.Model:
    return network(loss=lambda y, p: ops.mean(ops.square(y - p), -1), metrics=[lambda y, p: distance(y, p)])


def own_loss(hp: Any) -> keras.Model:
    return network(loss=distance)


def named_lambda(hp: Any) -> keras.Model:
    return network(keras.layers.Lambda(swish))


def forgetful(hp: Any) -> keras.Model:
    return network(Forgetful(2.0))


def unsavable(hp: Any) -> keras.Model:
    return network(Unsavable(object()))


def random_when_asked(hp: Any) -> keras.Model:
    class Noise(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x + keras.random.normal(ops.shape(x))

    return network(Noise())


def sets_its_policy(hp: Any) -> keras.Model:
    if hp.Boolean("exact"):
        keras.config.set_dtype_policy("float64")
        keras.config.set_epsilon(0.1)
    return network()
