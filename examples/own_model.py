"""A model of your own, as a function of its hyperparameters, on arrays in memory."""

import keras
from sklearn.datasets import load_digits

import sweeps


def build(hp):
    """An MLP for images of 8 x 8 pixels, each 0 to 16."""
    model = keras.Sequential([keras.Input((8, 8)), keras.layers.Rescaling(1 / 16), keras.layers.Flatten()])
    for _ in range(hp.Int("n_hidden", 1, 3)):
        model.add(keras.layers.Dense(hp.Int("n_neurons", 16, 128, sampling="log"), activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


digits = load_digits()
result = sweeps.run(build, data=(digits.images, digits.target), study="own-model", trials=6, epochs=5)

model = result.model()  # a keras.Model with the weights of its best epoch
print("predicted", model.predict(digits.images[:5], verbose=0).argmax(axis=1), "true", digits.target[:5])
