"""What a KerasTuner user has written: models in `kt`'s language, that know nothing of this project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import keras_tuner as kt


def build_model(hp: kt.HyperParameters) -> keras.Model:
    """No Input layer: the model arrives unbuilt."""
    model = keras.Sequential([keras.layers.Rescaling(1 / 16)])
    for _ in range(hp.Int("n_hidden", 0, 2, default=1)):
        model.add(keras.layers.Dense(hp.Int("n_neurons", 16, 64, default=32), activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    optimizer = keras.optimizers.Adam(hp.Float("learning_rate", 1e-3, 1e-2, sampling="log", default=5e-3))
    model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    return model


class Normalizing(kt.HyperModel):
    """The chapter's: one more hyperparameter is drawn inside of `fit`."""

    def build(self, hp: kt.HyperParameters) -> keras.Model:
        return build_model(hp)

    def fit(self, hp: kt.HyperParameters, model: keras.Model, X: Any, y: Any, **kwargs: Any) -> Any:  # noqa: N803
        if hp.Boolean("normalize"):
            layer = keras.layers.Normalization()
            layer.adapt(X)
            X = layer(X)  # noqa: N806
        return model.fit(X, y, **kwargs)


class OwnLayer(keras.layers.Dense):
    """A class that Keras cannot find when it loads a model: it is registered nowhere."""


class Graded(kt.HyperModel):
    """Trains as it likes and returns a figure of its own; its layer is its own too."""

    def build(self, hp: kt.HyperParameters) -> keras.Model:
        model = keras.Sequential([OwnLayer(hp.Choice("units", [8, 16]), activation="relu")])
        model.add(keras.layers.Dense(10, activation="softmax"))
        model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
        return model

    def fit(self, hp: kt.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        model.fit(*args, epochs=hp.Int("epochs", 2, 3), **kwargs)
        return {"grade": 1 / hp.get("units"), "val_accuracy": 0.5}


class Priced(kt.HyperModel):
    """Has a figure of its own, the less the better.

    Args:
        returned: how its `fit` gives it: as a "number", or in a "dictionary"; or the "history" without it.
    """

    def __init__(self, returned: str) -> None:
        super().__init__()
        self.returned = returned

    def build(self, hp: kt.HyperParameters) -> keras.Model:
        hp.Int("n_neurons", 16, 64)
        return build_model(hp)

    def fit(self, hp: kt.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        history = model.fit(*args, **kwargs)
        price = hp.get("n_neurons") / 64
        return {"number": price, "dictionary": {"default_objective": price}, "history": history}[self.returned]


class Watched(kt.HyperModel):
    """Says among its metrics what trained its model."""

    def build(self, hp: kt.HyperParameters) -> keras.Model:
        return build_model(hp)

    def fit(self, hp: kt.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        history = model.fit(*args, **kwargs)
        return {
            "val_accuracy": max(history.history["val_accuracy"]),
            # a look at the space trains nothing
            "by_kernels": float(getattr(history, "by_kernels", False)),
            "handed_over": float(getattr(history, "handed_over", None) is not None),
        }


class Failing(kt.HyperModel):
    """Builds, and trains on a few rows, as a look at it does; on all of them it raises."""

    def build(self, hp: kt.HyperParameters) -> keras.Model:
        return build_model(hp)

    def fit(self, hp: kt.HyperParameters, model: keras.Model, x: Any, y: Any, **kwargs: Any) -> Any:
        if len(x) > 100:
            raise RuntimeError("too many rows for me")
        return model.fit(x, y, **kwargs)


class Flaky(Failing):
    """Raises in its first training alone.

    Args:
        tried: a file that is there once it has.
        kind: of what it raises.
    """

    def __init__(self, tried: str, kind: type[Exception] = RuntimeError) -> None:
        super().__init__()
        self.tried, self.kind = Path(tried), kind

    def fit(self, hp: kt.HyperParameters, model: keras.Model, x: Any, y: Any, **kwargs: Any) -> Any:
        if len(x) > 100 and not self.tried.exists():
            self.tried.touch()
            raise self.kind("not yet")
        return model.fit(x, y, **kwargs)
