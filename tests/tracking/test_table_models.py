"""Models of tables in MLflow: a signature for each column, text and missing values in the example."""

from __future__ import annotations

from pathlib import Path

import keras
import mlflow.models
import numpy as np

from tracking.models import save_model


def test_text_and_missing_values_have_a_signature_and_an_example(tmp_path: Path) -> None:
    columns = {"size": keras.Input((1,), name="size"), "city": keras.Input((1,), dtype="string", name="city")}
    lookup = keras.layers.StringLookup(vocabulary=["Rome"], output_mode="multi_hot")
    joined = keras.layers.Concatenate()([columns["size"], lookup(columns["city"])])
    outputs = {"output": keras.layers.Dense(1)(joined), "auxiliary": keras.layers.Dense(1)(joined)}
    example = {"size": np.array([[1], [np.nan]], np.float32), "city": np.array([["Rome"], [""]])}
    answer = dict.fromkeys(outputs, np.zeros((2, 1), np.float32))
    save_model(tmp_path, keras.Model(columns, outputs), example, answer)
    read = mlflow.models.Model.load(str(tmp_path))
    assert {field.name: (field.type.name, field.shape) for field in read.signature.inputs.inputs} == {
        "size": ("float32", (-1, 1)),
        "city": ("str", (-1, 1)),
    }
    assert [field.name for field in read.signature.outputs.inputs] == ["output", "auxiliary"]
    restored = read.load_input_example(str(tmp_path))
    assert np.asarray(restored["city"]).tolist() == [["Rome"], [""]]
    assert np.isnan(np.asarray(restored["size"], dtype=float)[1, 0])
