"""What a prediction makes of a model's outputs, beside what NumPy makes of `model.predict`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from exports import export, predict_file
from keras import layers, losses

from sweeps.model.outputs import Head
from sweeps.system.atomic_files import write_json

ROWS = 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 4)).astype("float32")
AB, ABC = ["a", "b"], ["a", "b", "c"]

Outputs = Any
Read = Callable[[Outputs], list[dict[str, Any]]]


def sigmoid(z: Outputs) -> Outputs:
    return 1 / (1 + np.exp(-z))


def softmax(z: Outputs) -> Outputs:
    powers = np.exp(z)
    return powers / powers.sum(axis=1, keepdims=True)


def as_given(outputs: Outputs) -> Outputs:
    return outputs


def one_of(labels: list[str], probabilities: Callable[[Outputs], Outputs] = as_given, key: str = "probability") -> Read:
    """The class of the highest column, and the probabilities of all."""

    def read(outputs: Outputs) -> list[dict[str, Any]]:
        rows = probabilities(outputs)
        found = [{"class": labels[row.argmax()], key: pytest.approx(row.max(), abs=1e-4)} for row in rows]
        if key == "probability":
            every = [dict(zip(labels, row.tolist(), strict=True)) for row in rows]
            found = [one | {"probabilities": pytest.approx(p, abs=1e-5)} for one, p in zip(found, every, strict=True)]
        return found

    return read


def second_of(labels: list[str], probability: Callable[[Outputs], Outputs] = as_given) -> Read:
    """An only column: the second class's probability."""
    return one_of(labels, lambda outputs: np.hstack([1 - probability(outputs), probability(outputs)]))


def sign_of(labels: list[str]) -> Read:
    return one_of(labels, lambda outputs: np.hstack([-outputs, outputs]), "score")


def each_of(labels: list[str], probabilities: Callable[[Outputs], Outputs] = as_given) -> Read:
    return lambda outputs: [
        {"labels": {name: pytest.approx(p, abs=1e-4) for name, p in zip(labels, row, strict=True)}}
        for row in probabilities(outputs)
    ]


def listed(key: str, change: Callable[[Outputs], Outputs] = as_given) -> Read:
    def read(outputs: Outputs) -> list[dict[str, Any]]:
        rows = [row.tolist() if row.size > 1 else float(row.reshape(())) for row in change(outputs)]
        return [{key: pytest.approx(row, abs=1e-5)} for row in rows]

    return read


@keras.saving.register_keras_serializable("heads")
def own_loss(y: Any, outputs: Any) -> Any:
    return keras.ops.mean(keras.ops.square(keras.ops.cast(y, outputs.dtype) - outputs), axis=-1)


@keras.saving.register_keras_serializable("heads")
class OwnCrossentropy(losses.BinaryCrossentropy):  # type: ignore[misc]
    def call(self, y: Any, outputs: Any) -> Any:
        return own_loss(y, outputs)


def dense(units: int, activation: str | None, *after: Any) -> list[Any]:
    return [layers.Dense(units, activation=activation), *after]


binary, sparse = losses.BinaryCrossentropy(from_logits=True), losses.SparseCategoricalCrossentropy(from_logits=True)
categorical = losses.CategoricalCrossentropy(from_logits=True)

#: name: last layers, loss, the target's kind and labels, what the outputs are
HEADS: dict[str, tuple[list[Any], Any, str, list[str] | None, Read]] = {
    "sigmoid": (dense(1, "sigmoid"), "binary_crossentropy", "binary", AB, second_of(AB)),
    "logit": (dense(1, None), binary, "binary", AB, second_of(AB, sigmoid)),
    "focal logit": (dense(1, None), losses.BinaryFocalCrossentropy(from_logits=True), "binary", AB,
                    second_of(AB, sigmoid)),
    "two softmax": (dense(2, "softmax"), "sparse_categorical_crossentropy", "binary", AB, one_of(AB)),
    "two logits": (dense(2, None), sparse, "binary", AB, one_of(AB, softmax)),
    "softmax": (dense(3, "softmax"), losses.sparse_categorical_crossentropy, "sparse", ABC, one_of(ABC)),
    "logits": (dense(3, None), sparse, "sparse", ABC, one_of(ABC, softmax)),
    "one-hot": (dense(3, "softmax"), "categorical_crossentropy", "one_hot", ABC, one_of(ABC)),
    "one-hot logits": (dense(3, None), categorical, "one_hot", ABC, one_of(ABC, softmax)),
    "softmax layer": (dense(3, None, layers.Softmax()), "sparse_categorical_crossentropy", "sparse", ABC,
                      one_of(ABC)),
    "sigmoids of one-hot": (dense(3, "sigmoid"), "binary_crossentropy", "one_hot", ABC, one_of(ABC)),
    "labels": (dense(3, "sigmoid"), "bce", "multi_label", ABC, each_of(ABC)),
    "label logits": (dense(3, None), binary, "multi_label", ABC, each_of(ABC, sigmoid)),
    "number": (dense(1, None), "mse", "regression", None, listed("value")),
    "numbers": (dense(3, None), "mae", "regression", None, listed("value")),
    "share": (dense(1, None), binary, "regression", None, listed("value", sigmoid)),
    "rate of a count": (dense(1, "softplus"), "poisson", "sparse", ABC, listed("value")),
    "classes as numbers": (dense(1, None), "mse", "sparse", ABC, listed("value")),
    "tanh": (dense(1, "tanh"), "hinge", "binary", ["-1", "1"], sign_of(["-1", "1"])),
    "margin": (dense(1, None), losses.SquaredHinge(), "binary", AB, sign_of(AB)),
    "margin without labels": (dense(1, None), "hinge", "regression", None, sign_of(["-1", "1"])),
    "scores": (dense(3, None), "categorical_hinge", "one_hot", ABC, one_of(ABC, key="score")),
    "more outputs than classes": (dense(5, "softmax"), "sparse_categorical_crossentropy", "sparse", ABC,
                                  one_of([*ABC, "output 3", "output 4"])),
    "classes without labels": (dense(3, None), sparse, "regression", None, one_of(["0", "1", "2"], softmax)),
    "own loss of sigmoid": (dense(1, "sigmoid"), own_loss, "binary", AB, second_of(AB)),
    "own loss of softmax": (dense(3, None, layers.Activation("softmax"), layers.Dropout(0.5)), own_loss,
                            "one_hot", ABC, one_of(ABC)),
    "own loss": (dense(1, None), own_loss, "binary", AB, listed("raw")),
    "own loss of several": (dense(2, None), own_loss, "regression", None, listed("raw")),
    "own kind of Keras's loss": (dense(1, None), OwnCrossentropy(from_logits=True), "binary", AB, listed("raw")),
    "own loss of a number": (dense(1, None), own_loss, "regression", None, listed("value")),
    "logits that are none": (dense(2, "softmax"), sparse, "binary", AB, one_of(AB)),
}  # fmt: skip


def compiled(model: Any, loss: Any) -> Any:
    model.compile("adam", loss)
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", X)
    return tmp_path / "x.npy"


@pytest.mark.parametrize("name", HEADS)
def test_a_prediction_is_what_the_loss_and_the_last_activation_say(
    name: str, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the SavedModel, which no prediction reads, takes most of the time
    monkeypatch.setattr(keras.Model, "export", lambda *_, **__: None)
    last, loss, target, labels, read = HEADS[name]
    model = compiled(keras.Sequential([keras.Input((4,)), *last]), loss)
    folder = export(rows.parent / "m", model, labels, target)
    expected = read(model.predict(X, verbose=0).astype("float64"))
    assert predict_file(folder, rows, ROWS) == expected
    # an export of before there were heads
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest.pop("head")["why"].startswith("loss ")
    write_json(folder / "manifest.json", manifest)
    assert predict_file(folder, rows, ROWS) == expected


@pytest.mark.parametrize(
    "last", [keras.ops.softmax, keras.activations.softmax, layers.Softmax()], ids=["operation", "activation", "layer"]
)
def test_a_model_may_end_in_an_operation(last: Any, rows: Path) -> None:
    inputs = keras.Input((4,))
    model = compiled(keras.Model(inputs, last(layers.Dense(3)(inputs))), own_loss)
    folder = export(rows.parent / "m", model, ABC, "one_hot")
    assert predict_file(folder, rows, ROWS) == one_of(ABC)(model.predict(X, verbose=0))


def test_a_model_may_end_in_a_model(rows: Path) -> None:
    inputs = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation=keras.activations.sigmoid)])
    model = compiled(keras.Model(inputs, inner(inputs)), own_loss)
    folder = export(rows.parent / "m", model, AB, "binary")
    assert predict_file(folder, rows, ROWS) == second_of(AB)(model.predict(X, verbose=0))


@keras.saving.register_keras_serializable("heads")
class Own(keras.Model):  # type: ignore[misc]
    """Knows neither its inputs nor its outputs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.last = layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.last(inputs)


@pytest.mark.parametrize(
    ("loss", "read"), [(sparse, one_of(AB, softmax)), (own_loss, listed("raw"))], ids=["over classes", "own"]
)
def test_of_a_class_of_its_own_the_loss_alone_says_it(loss: Any, read: Read, rows: Path) -> None:
    model = Own()
    model(X[:1])
    model = compiled(model, loss)
    inputs = {"": {"shape": [4], "dtype": "float32"}}
    folder = export(rows.parent / "m", model, AB, "binary", inputs=inputs)
    assert predict_file(folder, rows, ROWS) == read(model.predict(X, verbose=0).astype("float64"))


def two_outputs(inputs: Any) -> dict[str, Any]:
    return {"aux": layers.Dense(3, name="aux")(inputs), "output": layers.Dense(1, name="output")(inputs)}


def test_of_several_outputs_the_main_one_is_predicted_by_its_own_loss(rows: Path) -> None:
    inputs = keras.Input((4,))
    outputs = two_outputs(inputs)
    named = compiled(keras.Model(inputs, outputs), {"aux": "mse", "output": binary})
    folder = export(rows.parent / "named", named, AB, "binary")
    expected = second_of(AB, sigmoid)(named.predict(X, verbose=0)["output"])
    assert predict_file(folder, rows, ROWS) == expected
    assert (
        "sigmoid function gives probabilities, of the class 'b', the second of labels.json"
        in (folder / "README.md").read_text()
    )

    inputs = keras.Input((4,))
    outputs = list(two_outputs(inputs).values())[::-1]
    listed_model = compiled(keras.Model(inputs, outputs), [binary, "mse"])
    folder = export(rows.parent / "listed", listed_model, AB, "binary")
    expected = second_of(AB, sigmoid)(listed_model.predict(X, verbose=0)[0])
    assert predict_file(folder, rows, ROWS) == expected


def test_outputs_of_several_axes_are_given_as_they_are(rows: Path) -> None:
    inputs = keras.Input((4,))
    model = compiled(keras.Model(inputs, layers.Reshape((2, 2))(layers.Dense(4)(inputs))), "mse")
    folder = export(rows.parent / "m", model)
    expected = [{"value": pytest.approx(np.array(row), abs=1e-5)} for row in model.predict(X, verbose=0)]
    assert [{"value": np.array(row["value"])} for row in predict_file(folder, rows, ROWS)] == expected


def test_what_json_does_not_have_is_none() -> None:
    head = Head(None, "numbers", "value", "loss mse")
    assert json.dumps(head.rows(np.array([[np.nan, 1.5], [np.inf, 2]]), None), allow_nan=False)
    assert head.rows(np.array([[np.nan]]), None) == [{"value": None}]


def test_the_readme_and_the_saved_model_tell_of_the_same_numbers(rows: Path) -> None:
    model = compiled(keras.Sequential([keras.Input((4,)), layers.Dense(1)]), binary)
    folder = export(rows.parent / "m", model, AB, "binary")
    assert "Output: logits; the sigmoid function gives" in (folder / "README.md").read_text()
    served = tf.saved_model.load(str(folder / "saved_model"))
    np.testing.assert_allclose(served.serve(X).numpy(), model.predict(X, verbose=0), atol=1e-5)
