"""KerasTuner's own code: only the import line is another one."""

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import sweeps.tuner as keras_tuner  # in place of: import keras_tuner


class MLP(keras_tuner.HyperModel):
    """Draws a batch size in `fit`, beside what it draws in `build`."""

    def build(self, hp):
        model = keras.Sequential([keras.Input((64,)), keras.layers.Rescaling(1 / 16)])
        model.add(keras.layers.Dense(hp.Int("units", 16, 128, step=16), activation="relu"))
        model.add(keras.layers.Dense(10, activation="softmax"))
        optimizer = hp.Choice("optimizer", ["adam", "rmsprop"])
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [16, 32, 64]), **kwargs)


x, y = load_digits(return_X_y=True)
x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)

tuner = keras_tuner.RandomSearch(
    MLP(), objective="val_accuracy", max_trials=4, seed=0, overwrite=True, directory="runs", project_name="digits"
)
tuner.search(x_train, y_train, epochs=4, validation_data=(x_valid, y_valid))

tuner.results_summary(num_trials=2)
best = tuner.get_best_models()[0]
print("validation accuracy", best.evaluate(x_valid, y_valid, verbose=0, return_dict=True)["accuracy"])
