"""A model of two outputs, each with its own loss: the digit, and whether it is even."""

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import sweeps.tuner as kt


def build(hp):
    """Both outputs share their hidden layers; the objective is the accuracy of one."""
    inputs = keras.Input((64,))
    hidden = keras.layers.Rescaling(1 / 16)(inputs)
    for _ in range(hp.Int("n_hidden", 1, 2)):
        hidden = keras.layers.Dense(hp.Int("n_neurons", 16, 128, sampling="log"), activation="relu")(hidden)
    model = keras.Model(
        inputs,
        {
            "digit": keras.layers.Dense(10, activation="softmax", name="digit")(hidden),
            "even": keras.layers.Dense(1, activation="sigmoid", name="even")(hidden),
        },
    )
    model.compile(
        "adam",
        loss={"digit": "sparse_categorical_crossentropy", "even": "binary_crossentropy"},
        loss_weights={"digit": 1.0, "even": hp.Float("even_weight", 0.1, 1.0)},
        metrics={"digit": ["accuracy"], "even": ["accuracy"]},
    )
    return model


x, y = load_digits(return_X_y=True)
x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)

tuner = kt.BayesianOptimization(
    build, kt.Objective("val_digit_accuracy", "max"), max_trials=4, overwrite=True, directory="runs", project_name="two"
)
tuner.search(
    x_train,
    {"digit": y_train, "even": y_train % 2 == 0},
    epochs=4,
    validation_data=(x_valid, {"digit": y_valid, "even": y_valid % 2 == 0}),
)

answer = tuner.get_best_models()[0].predict(x_valid[:5], verbose=0)
print("digits", answer["digit"].argmax(axis=1), "even", answer["even"][:, 0].round(2))
