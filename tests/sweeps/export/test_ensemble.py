"""An ensemble: one Keras model that averages what several predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from exports import export, predict_file
from keras import layers

from sweeps.errors import InputError
from sweeps.export.ensemble import average

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(20, 3)).astype("float32")
KINDS = {"": {"shape": [3], "dtype": "float32"}}


def data(labels: list[str] | None, target: str, **more: Any) -> dict[str, Any]:
    return {"labels": labels, "target": target, "features": None, "inputs": KINDS, **more}


def model(units: int, activation: str | None, loss: Any) -> Any:
    made = keras.Sequential([keras.Input((3,)), layers.Dense(units, activation)])
    made.set_weights([RANDOM.normal(size=weights.shape) for weights in made.get_weights()])
    made.compile("adam", loss)
    return made


def softmax(x: Any) -> Any:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def test_class_probabilities_are_averaged_those_of_logits_too(tmp_path: Path) -> None:
    first = model(3, "softmax", "sparse_categorical_crossentropy")
    second = model(3, None, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    known = data(["a", "b", "c"], "sparse")
    joined = average({"trial 1": first, "trial 2": second}, known)
    expected = (first.predict(X, verbose=0) + softmax(second.predict(X, verbose=0))) / 2
    np.testing.assert_allclose(joined.predict(X, verbose=0), expected, atol=1e-6)
    scores = joined.evaluate(X, RANDOM.integers(0, 3, 20), return_dict=True, verbose=0)
    assert set(scores) == {"loss", "accuracy"}
    np.save(tmp_path / "x.npy", X)
    folder = export(tmp_path / "m", joined, known["labels"], "sparse", inputs=KINDS)
    found = predict_file(folder, tmp_path / "x.npy")
    assert [row["class"] for row in found] == [known["labels"][index] for index in expected.argmax(axis=1)]


def test_the_probability_of_two_classes_is_averaged_that_of_a_logit_too() -> None:
    first, second = model(1, "sigmoid", "bce"), model(1, None, keras.losses.BinaryCrossentropy(from_logits=True))
    joined = average({"trial 1": first, "trial 2": second}, data(["no", "yes"], "binary"))
    expected = (first.predict(X, verbose=0) + 1 / (1 + np.exp(-second.predict(X, verbose=0)))) / 2
    np.testing.assert_allclose(joined.predict(X, verbose=0), expected, atol=1e-6)
    assert joined.loss == "binary_crossentropy"


def test_numbers_of_a_regression_are_averaged() -> None:
    members = {f"trial {number}": model(2, None, "mse") for number in range(3)}
    joined = average(members, data(None, "regression"))
    expected = np.mean([member.predict(X, verbose=0) for member in members.values()], axis=0)
    np.testing.assert_allclose(joined.predict(X, verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize("as_dictionary", [True, False])
def test_models_of_several_inputs_are_averaged(as_dictionary: bool, tmp_path: Path) -> None:
    def two_inputs() -> Any:
        a, b = keras.Input((3,), name="a"), keras.Input((1,), dtype="string", name="b")
        words = layers.StringLookup(vocabulary=["x", "y"], output_mode="one_hot")(b)
        made = keras.Model(
            {"a": a, "b": b} if as_dictionary else [a, b], layers.Dense(1)(layers.Concatenate()([a, words]))
        )
        made.compile("adam", "mse")
        return made

    kinds = {"a": {"shape": [3], "dtype": "float32"}, "b": {"shape": [1], "dtype": "string"}}
    members = {"trial 1": two_inputs(), "trial 2": two_inputs()}
    joined = average(members, data(None, "regression", inputs=kinds))
    texts = RANDOM.choice(["x", "y", ""], (20, 1))
    np.savez(tmp_path / "x.npz", a=X, b=texts)
    found = predict_file(export(tmp_path / "m", joined, inputs=kinds), tmp_path / "x.npz")
    tensors = [keras.ops.convert_to_tensor(X), keras.ops.convert_to_tensor(texts)]
    given = dict(zip("ab", tensors, strict=True)) if as_dictionary else tensors
    expected = np.mean([member(given) for member in members.values()], axis=0)
    assert [row["value"] for row in found] == pytest.approx(expected[:, 0], abs=1e-5)


def test_what_has_no_average_is_refused() -> None:
    margins = {f"trial {number}": model(1, None, "hinge") for number in range(2)}
    with pytest.raises(InputError, match="trial 0 gives margins, which cannot be averaged"):
        average(margins, data(["no", "yes"], "binary"))
    others = {"trial 1": model(3, "softmax", "sparse_categorical_crossentropy"), "trial 2": model(1, "sigmoid", "bce")}
    with pytest.raises(InputError, match="different shapes"):
        average(others, data(["no", "yes"], "binary"))
