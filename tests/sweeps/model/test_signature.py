"""What an export's manifest says of a model, however the model was made."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from sweeps.model.signature import signature_of

TABLE = {"inputs": {"size": {"shape": [1], "dtype": "float32"}, "city": {"shape": [1], "dtype": "string"}}}
IMAGES = {"inputs": {"": {"shape": [4, 4], "dtype": "uint8"}}}


def entry(name: str, shape: list[int | None], dtype: str = "float32") -> dict[str, Any]:
    return {"name": name, "shape": shape, "dtype": dtype}


class Own(keras.Model):
    """A model of which nobody knows what it takes."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.heads = [keras.layers.Dense(width + 1) for width in range(outputs)]

    def call(self, inputs: Any) -> Any:
        if isinstance(inputs, dict):
            inputs = inputs["size"] + tf.cast(tf.strings.length(inputs["city"]), "float32")
        answers = [head(keras.ops.reshape(inputs, (keras.ops.shape(inputs)[0], -1))) for head in self.heads]
        return answers[0] if len(answers) == 1 else answers


def test_a_sequential_model_takes_one_array() -> None:
    model = keras.Sequential([keras.Input((4,), dtype="int32", name="row"), keras.layers.Dense(2, name="end")])
    found = signature_of(model, TABLE)
    assert (found.inputs, found.outputs, found.named) == (
        [entry("row", [None, 4], "int32")],
        [entry("end", [None, 2])],
        False,
    )


def test_a_functional_model_of_columns_and_two_outputs_is_told_by_their_names() -> None:
    columns = {"b": keras.Input((1,), name="b"), "a": keras.Input((1,), dtype="string", name="a")}
    lookup = keras.layers.StringLookup(vocabulary=["x"], output_mode="multi_hot")
    joined = keras.layers.Concatenate()([columns["b"], lookup(columns["a"])])
    answer = {"output": keras.layers.Dense(1)(joined), "auxiliary": keras.layers.Dense(3)(joined)}
    found = signature_of(keras.Model(columns, answer), TABLE)
    assert found.inputs == [entry("b", [None, 1]), entry("a", [None, 1], "string")]
    assert {output["name"]: output["shape"] for output in found.outputs} == {
        "output": [None, 1],
        "auxiliary": [None, 3],
    }
    assert found.named
    assert found.specs()["a"] == tf.TensorSpec((None, 1), tf.string, "a")


def test_a_model_of_a_class_of_its_own_takes_what_the_data_is() -> None:
    found = signature_of(Own(2), TABLE)
    assert found.inputs == [entry("size", [None, 1]), entry("city", [None, 1], "string")]
    assert found.outputs == [entry("output_0", [None, 1]), entry("output_1", [None, 2])]
    assert found.named


def test_a_class_of_its_own_for_images_takes_one_array() -> None:
    found = signature_of(Own(1), IMAGES)
    assert (found.inputs, found.named) == ([entry("input", [None, 4, 4], "uint8")], False)
    assert found.specs() == tf.TensorSpec((None, 4, 4), tf.uint8, "input")
