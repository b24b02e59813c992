"""Each format loads in a clean process by its own runtime, and gives what the trained model gives."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from exports import exported_of, round_trip
from keras import layers

from search_spaces.preprocessing import layer_name
from sweeps.errors import InputError
from sweeps.export import formats
from sweeps.export.export import ExportRequest
from sweeps.export.manifest import read_manifest
from sweeps.export.round_trip import LIMIT

pytestmark = [
    pytest.mark.slow,
    # a column's name may be none that a layer can have
    pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict"),
]

RANDOM = np.random.default_rng(0)
ROWS = 256
#: of tests that write ONNX or LiteRT
needs_extra = pytest.mark.skipif(
    any(find_spec(module) is None for each in formats.FORMATS.values() for module in each.modules),
    reason="the extra `export` is not installed",
)
ALL = ("keras", "savedmodel", "onnx", "litert")


def classifier() -> tuple[Any, list[Any], dict[str, Any]]:
    """Bytes of an image, scaled inside the model."""
    images = keras.Input((8, 8), dtype="uint8")
    x = layers.Flatten()(layers.Rescaling(1 / 255)(images))
    x = layers.BatchNormalization()(layers.Dense(16, "gelu")(x))
    model = keras.Model(images, layers.Dense(3, "softmax")(layers.Dropout(0.2)(x)))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, [RANDOM.integers(0, 256, (ROWS, 8, 8), "uint8")], {"labels": ["a", "b", "c"], "target": "sparse"}


def regression() -> tuple[Any, list[Any], dict[str, Any]]:
    """Prices of some hundred thousands, of standardized numbers."""
    x = RANDOM.normal(5, 3, (ROWS, 4)).astype("float32")
    scaled = layers.Normalization()
    scaled.adapt(x)
    model = keras.Sequential(
        [keras.Input((4,)), scaled, layers.Dense(8, "silu"), layers.Dense(1), layers.Rescaling(2e5, 3e5)]
    )
    model.compile("adam", "mse")
    return model, [x], {"labels": None, "target": "regression"}


def several_inputs() -> tuple[Any, list[Any], dict[str, Any]]:
    """Numbers and indices of an embedding, and two outputs."""
    inputs = {"wide": keras.Input((3,), name="wide"), "a b": keras.Input((1,), dtype="int32", name=layer_name("a b"))}
    embedded = layers.Flatten()(layers.Embedding(5, 2)(inputs["a b"]))
    x = layers.Dense(8, "relu")(layers.Concatenate()([inputs["wide"], embedded]))
    model = keras.Model(inputs, {"output": layers.Dense(1, "sigmoid")(x), "aux": layers.Dense(2)(x)})
    model.compile("adam", {"output": "binary_crossentropy", "aux": "mse"})
    rows = [RANDOM.normal(size=(ROWS, 3)).astype("float32"), RANDOM.integers(0, 5, (ROWS, 1)).astype("int32")]
    kinds = {"wide": {"shape": [3], "dtype": "float32"}, "a b": {"shape": [1], "dtype": "int32"}}
    return model, rows, {"labels": ["no", "yes"], "target": "binary", "more": {"inputs": kinds}}


def text_column() -> tuple[Any, list[Any], dict[str, Any]]:
    inputs = {"size": keras.Input((1,), name="size"), "town": keras.Input((1,), dtype="string", name="town")}
    towns = layers.StringLookup(vocabulary=["Köln", "Bonn"], output_mode="one_hot")(inputs["town"])
    model = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()([inputs["size"], towns])))
    model.compile("adam", "mse")
    rows = [RANDOM.normal(size=(ROWS, 1)).astype("float32"), RANDOM.choice(["Köln", "Bonn", "", "Ulm"], (ROWS, 1))]
    kinds = {"size": {"shape": [1], "dtype": "float32"}, "town": {"shape": [1], "dtype": "string"}}
    return model, rows, {"labels": None, "target": "regression", "more": {"inputs": kinds}}


@needs_extra
@pytest.mark.parametrize(
    ("made", "names"),
    [(classifier, ALL), (regression, ALL), (several_inputs, ALL), (text_column, ("keras", "savedmodel"))],
)
def test_every_format_gives_what_the_trained_model_gives(made: Any, names: tuple[str, ...], tmp_path: Path) -> None:
    model, rows, about = made()
    manifest = round_trip(tmp_path / "m", model, exported_of(model, **about), names, rows)
    assert list(manifest["formats"]) == list(names)
    for name, found in manifest["formats"].items():
        assert 0 <= found["difference"] <= LIMIT, (name, found)
        assert (tmp_path / "m" / found["path"]).exists()
        assert found["path"] in (tmp_path / "m" / "README.md").read_text()
    runtimes = [found["runtime"].split()[0] for found in manifest["formats"].values()]
    assert runtimes == ["keras", "tensorflow", "onnxruntime", "ai-edge-litert"][: len(names)]
    assert read_manifest(tmp_path / "m").study == "s"


@needs_extra
@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_a_model_that_a_format_cannot_hold_is_refused_with_what_to_use(name: str, tmp_path: Path) -> None:
    numbers = keras.Input((1,), dtype="int64")
    model = keras.Model(numbers, layers.Dense(1)(layers.Hashing(10, output_mode="one_hot")(numbers)))
    model.compile("adam", "mse")
    with pytest.raises(InputError, match=rf"--format {name}: \w+ cannot hold this model: .*\nUse --format savedmodel"):
        round_trip(tmp_path / "m", model, exported_of(model, None, "regression"), [name], [np.ones((ROWS, 1), "int64")])


def test_a_format_that_gives_something_else_fails_the_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows, about = regression()

    def write_another(model: Any, path: Path, signature: Any) -> None:
        other = keras.models.clone_model(model)
        other.set_weights([weights * 1.001 for weights in model.get_weights()])
        original(other, path, signature)

    known = formats.FORMATS["savedmodel"]
    original = known.write
    changed = formats.Format("savedmodel", known.title, known.path, write_another)
    monkeypatch.setitem(formats.FORMATS, "savedmodel", changed)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"--format savedmodel: its outputs differ from the trained model's by \d"):
        round_trip(tmp_path / "m", model, exported_of(model, **about), ["savedmodel"], rows)


@needs_extra
def test_a_damaged_file_does_not_pass_its_round_trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows, about = regression()
    known = formats.FORMATS["onnx"]
    changed = formats.Format(
        "onnx", known.title, known.path, lambda _, path, __: path.write_bytes(b"no model"), ("onnx",)
    )
    monkeypatch.setitem(formats.FORMATS, "onnx", changed)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="--format onnx: the exported model does not load in a clean process"):
        round_trip(tmp_path / "m", model, exported_of(model, **about), ["onnx"], rows)


@needs_extra
def test_the_manifest_is_json_that_names_the_inputs_of_each_format(tmp_path: Path) -> None:
    model, rows, about = several_inputs()
    round_trip(tmp_path / "m", model, exported_of(model, **about), ["onnx"], rows)
    found = json.loads((tmp_path / "m" / "manifest.json").read_text())["formats"]["onnx"]
    assert set(found["inputs"]) == {"wide", "a b"}
    assert len(found["outputs"]) == 2


def test_two_ways_to_choose_the_model_exclude_each_other() -> None:
    with pytest.raises(InputError, match="two trials or more are averaged, got 1"):
        ExportRequest("s", ensemble=1)
