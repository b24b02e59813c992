"""Which files a model's inputs take, and how their numbers become the model's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest
from exports import export, predict_file
from keras import layers, ops

from sweeps.data import as_dtype, read_array
from sweeps.errors import InputError
from sweeps.export import predict as predict_module
from sweeps.export import predictions, sources
from sweeps.export.manifest import Manifest

#: the largest number that is told from its neighbours in float64, in which predictions are given
LARGEST = {
    "int8": 127, "int16": 32767, "int32": 2**31 - 1, "int64": 2**53 - 1, "uint8": 255, "uint16": 65535,
    "uint32": 2**32 - 1, "uint64": 2**53 - 1, "float16": 2048, "bfloat16": 256, "float32": 2**24,
    "float64": 2**53 - 1, "bool": 1,
}  # fmt: skip


def same(dtype: str) -> Any:
    """Gives what it is fed."""
    inputs = keras.Input((2,), dtype=dtype)
    model = keras.Model(
        inputs, ops.cast(inputs, "float32") if dtype in ("bool", "int8") else layers.Identity(dtype=dtype)(inputs)
    )
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("dtype", LARGEST)
def test_numbers_of_arrays_and_tables_reach_an_input_whole(dtype: str, tmp_path: Path) -> None:
    folder = export(tmp_path / "m", same(dtype), features=["a", "b"])
    np.save(tmp_path / "x.npy", np.array([[0, LARGEST[dtype]], [1, 0]]))
    (tmp_path / "x.csv").write_text(f"b,a\n{LARGEST[dtype]},0\n0,1\n")
    expected = [{"value": [0, LARGEST[dtype]]}, {"value": [1, 0]}]
    assert predict_file(folder, tmp_path / "x.npy", 9) == expected
    assert predict_file(folder, tmp_path / "x.csv", 9) == expected


@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8", "int64", "float16", "float32"])
def test_fractions_are_cast_as_keras_casts_them(dtype: str) -> None:
    given = np.array([[0.0, 1.7], [2.5, 200.9]])
    np.testing.assert_array_equal(as_dtype("x", given, dtype), same(dtype).predict(given, verbose=0))


@pytest.mark.parametrize(
    ("dtype", "given"),
    [("int32", 2**31), ("uint8", -1), ("int8", 128.0), ("int64", 2.0**63), ("int32", np.nan), ("bool", np.nan),
     ("float16", 1e5), ("float32", 1e39)],
)  # fmt: skip
def test_what_the_input_cannot_hold_is_refused(dtype: str, given: Any) -> None:
    with pytest.raises(InputError, match=f"numbers that {dtype} can hold are needed"):
        as_dtype("x", np.array([[0, given]]), dtype)


def test_a_missing_number_stays_missing_for_a_float() -> None:
    assert np.isnan(as_dtype("x", np.array([np.nan]), "float32")).all()


def linear(inputs: Any, features: Any) -> Any:
    model = keras.Model(inputs, layers.Dense(1)(features))
    model.compile("sgd", "mse")
    return model


def values(folder: Path, file: Path) -> list[float]:
    return [row["value"] for row in predict_file(folder, file, 99)]


def test_rows_of_text_reach_an_input_of_text(tmp_path: Path) -> None:
    text = keras.Input((), dtype="string")
    model = keras.Model(text, layers.StringLookup(vocabulary=["a", "b"])(text))
    model.compile("sgd", "mse")
    np.save(tmp_path / "x.npy", np.array(["b", "z", "a"]))
    folder = export(tmp_path / "m", model)
    assert values(folder, tmp_path / "x.npy") == [2, 0, 1]
    np.save(tmp_path / "x.npy", np.ones(3))
    with pytest.raises(InputError, match="text is needed, got float64"):
        values(folder, tmp_path / "x.npy")


@pytest.mark.parametrize("as_dictionary", [True, False])
def test_several_inputs_come_from_an_npz_by_their_names(as_dictionary: bool, tmp_path: Path) -> None:
    a, b = keras.Input((3,), name="a"), keras.Input((2, 2), dtype="int32", name="b")
    joined = layers.Concatenate()([a, layers.Flatten()(ops.cast(b, "float32"))])
    model = linear({"a": a, "b": b} if as_dictionary else [a, b], joined)
    x = {"a": np.random.rand(4, 3).astype("float32"), "b": np.arange(16).reshape(4, 2, 2)}
    np.savez(tmp_path / "x.npz", **x)
    inputs = {"a": {"shape": [3], "dtype": "float32"}, "b": {"shape": [2, 2], "dtype": "int64"}}
    folder = export(tmp_path / "m", model, inputs=inputs)
    expected = model.predict(x if as_dictionary else list(x.values()), verbose=0)[:, 0]
    assert values(folder, tmp_path / "x.npz") == pytest.approx(expected, abs=1e-5)
    said = (folder / "README.md").read_text()
    assert '"a": shape (n, 3) of float32, "b": shape (n, 2, 2) of int32' in said
    np.savez(tmp_path / "x.npz", a=x["a"])
    with pytest.raises(InputError, match="'b' is not there; there are a"):
        values(folder, tmp_path / "x.npz")
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"rows of shape \(3,\) are wanted"):
        values(folder, tmp_path / "x.csv")


def test_rows_may_have_any_length_where_the_input_takes_any(tmp_path: Path) -> None:
    tokens = keras.Input((None,), dtype="int32")
    model = linear(tokens, layers.GlobalAveragePooling1D()(layers.Embedding(9, 3)(tokens)))
    x = np.random.default_rng(0).integers(0, 9, (4, 7))
    np.save(tmp_path / "x.npy", x)
    expected = model.predict(x, verbose=0)[:, 0]
    assert values(export(tmp_path / "m", model), tmp_path / "x.npy") == pytest.approx(expected, abs=1e-5)


def test_a_last_axis_of_one_is_added_as_keras_does_it(tmp_path: Path) -> None:
    images = keras.Input((4, 4, 1))
    model = linear(images, layers.Flatten()(layers.Conv2D(2, 3)(images)))
    x = np.random.default_rng(0).random((5, 4, 4)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    expected = model.predict(x, verbose=0)[:, 0]
    assert values(export(tmp_path / "m", model), tmp_path / "x.npy") == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_arrays_are_predicted_in_pieces(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PIECE", 4)
    x = np.random.default_rng(0).random((10, 3), "float32")
    (np.save if ending == "npy" else np.savez)(tmp_path / f"x.{ending}", x)
    inputs = keras.Input((3,))
    model = linear(inputs, inputs)
    folder = export(tmp_path / "m", model)
    found = list(predict_module.predict(folder, tmp_path / f"x.{ending}", rows=9))
    assert [(some.first, len(some.rows)) for some in found] == [(0, 4), (4, 4), (8, 1)]
    expected = model.predict(x, verbose=0)[:9, 0]
    assert values(folder, tmp_path / f"x.{ending}")[:9] == pytest.approx(expected, abs=1e-5)


def test_an_npy_file_stays_on_the_disk(tmp_path: Path) -> None:
    x = np.asfortranarray(np.arange(6).reshape(2, 3))
    np.save(tmp_path / "x.npy", x)
    read = read_array(tmp_path / "x.npy")
    assert isinstance(read, np.memmap)
    assert read.tolist() == x.tolist()
    np.save(tmp_path / "none.npy", x[:0])
    assert read_array(tmp_path / "none.npy").shape == (0, 3)


def test_a_folder_of_tables_arrays_and_images_has_the_same_columns_throughout(tmp_path: Path) -> None:
    from PIL import Image

    entry = {"name": "x", "dtype": "float32", "shape": [None, 1, 1]}
    known = {"study": "s", "target": "value", "named_inputs": False, "features": None, "sha256": {}}
    manifest = Manifest.model_validate(known | {"input": [entry], "compared_on": {"range": [0, 255]}})
    new = tmp_path / "new"
    new.mkdir()
    np.save(new / "a.npy", np.ones((2, 1, 1)))
    Image.fromarray(np.ones((1, 1), "uint8")).save(new / "b.png")
    with predictions.output(tmp_path / "out.csv") as write:
        for _, some in sources.read(new, manifest):
            write(predict_module.Predicted(some.first, [{"value": 1.0}] * some.count, others=some.others))
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        *("file,row,value", "b.png,0,1.0", "a.npy,0,1.0", "a.npy,1,1.0")
    ]


def test_the_columns_of_a_file_of_predictions_are_written_by_name(tmp_path: Path) -> None:
    with predictions.output(tmp_path / "out.csv") as write:
        for others in ({"id": [7]}, {"note": ["n"], "id": [8]}):
            write(predict_module.Predicted(0, [{"value": 1.0}], others=pa.table(others)))
    assert (tmp_path / "out.csv").read_text() == "id,value\n7,1.0\n8,1.0\n"
