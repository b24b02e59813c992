"""Models of tables in MLflow: a signature for each column, text and missing values in the example."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import mlflow.models
import numpy as np

from tracking.models import save_model

PREDICT = """
import json, sys
import mlflow.pyfunc, numpy as np
assert "tracking" not in sys.modules
model = mlflow.pyfunc.load_model(sys.argv[1])
rows = {name: np.array(values) for name, values in json.loads(sys.argv[2]).items()}
rows["size"] = rows["size"].astype("float32")
print(json.dumps(model.predict(rows)["output"].tolist()))
"""


def test_text_and_missing_values_have_a_signature_and_an_example(tmp_path: Path) -> None:
    columns = {"size": keras.Input((1,), name="size"), "city": keras.Input((1,), dtype="string", name="city")}
    lookup = keras.layers.StringLookup(vocabulary=["Rome"], output_mode="multi_hot")
    joined = keras.layers.Concatenate()([columns["size"], lookup(columns["city"])])
    outputs = {"output": keras.layers.Dense(1)(joined), "auxiliary": keras.layers.Dense(1)(joined)}
    example = {"size": np.array([[1], [np.nan]], np.float32), "city": np.array([["Rome"], [""]])}
    answer = dict.fromkeys(outputs, np.zeros((2, 1), np.float32))
    model = keras.Model(columns, outputs)
    save_model(tmp_path, model, example, answer)
    read = mlflow.models.Model.load(str(tmp_path))
    assert {field.name: (field.type.name, field.shape) for field in read.signature.inputs.inputs} == {
        "size": ("float32", (-1, 1)),
        "city": ("str", (-1, 1)),
    }
    assert [field.name for field in read.signature.outputs.inputs] == ["output", "auxiliary"]
    restored = read.load_input_example(str(tmp_path))
    assert np.asarray(restored["city"]).tolist() == [["Rome"], [""]]
    assert np.isnan(np.asarray(restored["size"], dtype=float)[1, 0])
    # as `mlflow models serve` does with raw rows, in a process that has nothing of this project
    rows = {"size": [[1.0], [2.0]], "city": [["Rome"], ["Oslo"]]}
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, str(tmp_path), json.dumps(rows)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": "", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"},
    )
    assert done.returncode == 0, done.stderr
    tensors = {name: keras.ops.convert_to_tensor(values) for name, values in rows.items()}
    expected = model.predict(tensors, verbose=0)["output"]
    np.testing.assert_allclose(json.loads(done.stdout.splitlines()[-1]), expected, rtol=1e-5)
