"""What is raw outside becomes features inside the model, and does so again after saving and loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from search_spaces import DataSpec, InputSpec
from search_spaces.preprocessing import encode


def features(spec: InputSpec | dict[str, InputSpec], x: Any, folder: Path) -> Any:
    """The features of `x` from a model that was saved and loaded."""
    keras.Model(*encode(DataSpec(spec, "regression", 1))).save(folder / "features.keras")
    return keras.saving.load_model(folder / "features.keras").predict(x, verbose=0)


def test_images_are_divided_by_their_highest_value_and_flattened(tmp_path: Path) -> None:
    x = np.array([[[0, 255], [51, 102]]], dtype=np.uint8)
    spec = InputSpec((2, 2), "uint8", high=255.0)
    np.testing.assert_allclose(features(spec, x, tmp_path), [[0, 1, 0.2, 0.4]], rtol=1e-6)


def test_columns_are_brought_to_mean_zero_and_variance_one(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal([5.0, -300.0], [2.0, 40.0], (200, 2)).astype("float32")
    spec = InputSpec((2,), "float32", mean=tuple(x.mean(0).tolist()), variance=tuple(x.var(0).tolist()))
    scaled = features(spec, x, tmp_path)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(0), 1, rtol=1e-4)


def test_a_column_that_never_varied_is_only_centred(tmp_path: Path) -> None:
    spec = InputSpec((1,), "float32", mean=(7.0,), variance=(0.0,))
    x = np.array([[7.0], [8.0]], dtype="float32")
    np.testing.assert_allclose(features(spec, x, tmp_path), [[0], [1]])


@pytest.mark.parametrize("dtype", ["int64", "float64", "bool"])
def test_numbers_of_any_type_become_float32(dtype: str, tmp_path: Path) -> None:
    answer = features(InputSpec((2,), dtype), np.array([[0, 1]], dtype=dtype), tmp_path)
    assert answer.dtype == np.float32
    np.testing.assert_array_equal(answer, [[0, 1]])


def test_named_columns_take_missing_numbers_as_the_mean_and_unknown_texts_as_one_of_their_own(
    tmp_path: Path,
) -> None:
    spec = {
        "age": InputSpec((1,), "float32", mean=(40.0,), variance=(100.0,)),
        "town": InputSpec((1,), "string", vocabulary=("", "Basel", "Chur", "[UNK]")),
    }
    x = {
        "age": np.array([[50.0], [np.nan]], dtype="float32"),
        "town": keras.ops.convert_to_tensor([["Chur"], ["Genf"]]),
    }
    np.testing.assert_allclose(features(spec, x, tmp_path), [[1, 0, 0, 0, 1], [0, 1, 0, 0, 0]])
