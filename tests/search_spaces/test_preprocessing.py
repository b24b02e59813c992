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


@pytest.mark.parametrize("scale", [1e20, 1e-20, 1.0])
def test_numbers_of_any_size_are_standardized(scale: float, tmp_path: Path) -> None:
    x = (np.random.default_rng(0).normal(3, 2, (200, 1)) * scale).astype(np.float32)
    mean, variance = float(x.mean(dtype=np.float64)), float(x.var(dtype=np.float64))
    made = features(InputSpec((1,), "float32", (mean,), (variance,)), x, tmp_path)
    assert made.mean() == pytest.approx(0, abs=1e-3)
    assert made.std() == pytest.approx(1, abs=1e-3)


def test_rounding_of_a_constant_is_not_blown_up(tmp_path: Path) -> None:
    x = np.full((50, 1), 0.1, np.float32)
    made = features(InputSpec((1,), "float32", (0.1000000016,), (1e-20,)), x, tmp_path)
    assert np.abs(made).max() < 0.1


def test_a_date_becomes_elapsed_time_and_phases_that_close_the_year(tmp_path: Path) -> None:
    days = np.array([[18262.0], [18262.0 + 365.2425], [18262.0 + 7], [np.nan]], np.float32)
    spec = InputSpec((1,), "float32", (18262.0,), (100.0,), periods=(365.2425, 7.0))
    made = features({"day": spec}, {"day": days}, tmp_path)
    assert made.shape == (4, 5)
    np.testing.assert_allclose(made[:3, 0], [0, 36.52425, 0.7], rtol=1e-3)
    np.testing.assert_allclose(made[0, 1:3], made[1, 1:3], atol=1e-3)
    np.testing.assert_allclose(made[0, 3:], made[2, 3:], atol=1e-3)
    assert not made[3].any()  # a missing date is none in particular
