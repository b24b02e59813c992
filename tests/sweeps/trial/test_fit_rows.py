"""What a trial's model was fed: the first rows that `model.fit` got, beside the rows of the data."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from exports import export, predict_file

from sweeps.errors import InputError
from sweeps.trial.fit_rows import first_rows, named_example, prepared

RAW = np.random.default_rng(0).integers(0, 255, (20, 4, 4)).astype("uint8")


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return RAW[index * 5 :][:5], np.zeros(5)


@pytest.mark.parametrize(
    "given",
    [RAW, tf.constant(RAW), tf.data.Dataset.from_tensor_slices((RAW, np.zeros(20))).batch(5), Batches()],
    ids=["array", "tensor", "dataset", "batches"],
)
def test_the_example_is_what_the_fit_was_given(given: Any) -> None:
    np.testing.assert_array_equal(first_rows(given), RAW[:3])


def test_tables_and_text_are_taken_too() -> None:
    assert first_rows(pd.DataFrame({"a": [1, 2], "b": [3, 4]})).tolist() == [[1, 3], [2, 4]]
    assert first_rows({"t": tf.constant([["a"], ["b"]])})["t"].tolist() == [["a"], ["b"]]


def test_a_generator_keeps_its_rows() -> None:
    rows = (row for row in RAW)
    assert first_rows(rows) is None
    assert len(list(rows)) == 20
    assert first_rows(None) is None


@pytest.mark.parametrize(
    "change",
    [lambda x: x, lambda x: x[5:], lambda x: x[::-1], lambda x: x.astype("float32"), lambda x: x[..., None]],
    ids=["all", "some", "shuffled", "cast", "an axis more"],
)
def test_rows_of_the_data_are_no_others(change: Callable[[Any], Any]) -> None:
    assert prepared(first_rows(change(RAW)), RAW) is None


@pytest.mark.parametrize(
    ("change", "shape", "dtype"),
    [(lambda x: x[:, :2, :3], [2, 3], "uint8"), (lambda x: (x / 255).astype("float32"), [4, 4], "float32"),
     (lambda x: x[:, ::-1], [4, 4], "uint8")],
    ids=["cropped", "normalised", "flipped"],
)  # fmt: skip
def test_what_a_fit_makes_of_the_data_is_told(change: Callable[[Any], Any], shape: list[int], dtype: str) -> None:
    assert prepared(first_rows(change(RAW)), RAW) == {"": {"shape": shape, "dtype": dtype}}


def test_columns_with_gaps_and_text_are_known_again() -> None:
    raw = {"n": np.array([[1.0], [np.nan]], "float32"), "t": np.array([["a"], [""]])}
    assert prepared({name: column[1:] for name, column in raw.items()}, raw) is None
    assert prepared({"n": raw["n"][1:], "t": raw["t"][:1]}, raw) is not None


def test_a_list_of_inputs_is_named_by_the_model() -> None:
    inputs = [keras.Input((1,), name="a"), keras.Input((1,), name="b")]
    model = keras.Model(inputs, keras.layers.Add()(inputs))
    assert named_example(model, [1, 2]) == {"a": 1, "b": 2}


@keras.saving.register_keras_serializable("examples")
class Own(keras.Model):  # type: ignore[misc]
    """Takes no other rows than those that it was built with, and does not say so."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.last = keras.layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.last(keras.ops.reshape(keras.ops.cast(x, "float32"), (-1, 6)))


@pytest.fixture
def own() -> Any:
    model = Own()
    model(np.zeros((1, 2, 3), "float32"))
    model.compile("sgd", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def test_the_export_tells_what_the_model_takes(own: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # no real logger: what another test did to `logging` (MLflow's migrations configure it) plays no part
    warned: list[str] = []
    monkeypatch.setattr("sweeps.export.predict.logger", SimpleNamespace(warning=warned.append))
    raw = {"": {"shape": [4, 4], "dtype": "uint8"}}
    fed = first_rows(RAW[:, :2, :3])
    folder = export(tmp_path / "m", own, inputs=raw, prepared=prepared(fed, RAW))
    said = (folder / "README.md").read_text()
    assert "Input: the data as prepared by the space's `fit`, shape (n, 2, 3) of uint8." in said
    np.save(tmp_path / "x.npy", RAW[:, :2, :3])
    expected = own.predict(RAW[:, :2, :3], verbose=0)[:, 0]
    assert [row["value"] for row in predict_file(folder, tmp_path / "x.npy", 20)] == pytest.approx(expected, rel=1e-5)
    assert ["must be prepared in the same way" in warning for warning in warned] == [True]
    served = tf.saved_model.load(str(folder / "saved_model"))
    np.testing.assert_allclose(served.serve(RAW[:, :2, :3]).numpy()[:, 0], expected, rtol=1e-5)


def test_an_export_that_cannot_know_what_the_model_takes_says_so(own: Any, tmp_path: Any) -> None:
    raw = {"": {"shape": [5], "dtype": "float32"}}
    with pytest.raises(InputError, match="the model's inputs are not known"):
        export(tmp_path / "m", own, inputs=raw)


def test_rows_that_keras_has_cast_to_another_float_are_rows_of_the_data() -> None:
    x = np.random.default_rng(0).normal(size=(20, 3))
    assert prepared(x[4:7].astype("float32"), x) is None
    assert prepared(x[4:7].astype("float32") + 1, x) == {"": {"shape": [3], "dtype": "float32"}}
