"""A space whose metrics follow from its hyperparameters alone, so that a search of it is the same on any machine."""

import math

import keras
import keras_tuner


class Space(keras_tuner.HyperModel):
    def build(self, hp):
        hp.Float("rate", 1e-4, 1e-1, sampling="log")
        hp.Int("units", 8, 256, sampling="log")
        if hp.Choice("kind", ["relu", "selu", "swish"]) == "relu":
            hp.Float("slope", 0.0, 0.5, step=0.125)
        if hp.Boolean("norm"):
            hp.Int("groups", 1, 4, parent_name="norm", parent_values=[True])
        model = keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, callbacks=(), epochs=1, **kwargs):
        told = keras.callbacks.CallbackList(callbacks, model=model)
        told.on_train_begin()
        best = 0.9 - 0.1 * abs(math.log10(hp.get("rate")) + 2.5) - abs(hp.get("units") - 100) / 1000
        best += 0.02 * (hp.get("kind") == "relu") + (0.01 * hp.values.get("groups", 0) if hp.get("norm") else 0)
        for epoch in range(epochs):
            value = best * (1 - math.exp(-(epoch + 1) * (0.3 + hp.get("units") / 500)))
            told.on_epoch_begin(epoch)
            logs = {"loss": 1 - value, "val_loss": 1 - value, "val_accuracy": value}
            told.on_epoch_end(epoch, logs)
        told.on_train_end()
        return logs
