"""A dataset as scikit-learn's estimators take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sweeps.data import Dataset
from sweeps.data.dataset import Array, Part
from sweeps.errors import InputError

#: of a column of text; the rarer ones are one category
MOST_CATEGORIES = 100
#: columns of numbers, of text
_NUMBERS, _TEXT = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows for an estimator.

    Attributes:
        x: one column for each input value, numbers or text, with NaN for missing numbers; (n, columns).
        y: class indices, or numbers; (n,) or (n, outputs).
        weight: (n,), or None.
    """

    x: pd.DataFrame
    y: Array
    weight: Array | None


def training_and_validation(data: Dataset, regression: bool) -> tuple[Rows, Rows]:
    """The rows that trials train on and those that they are scored on.

    Args:
        regression: the target is taken as the numbers that it was given as, not as classes.

    Raises:
        InputError: the model has several targets, or inputs that are no table and no image.
    """
    given = data if regression or data.encoded is None else data.encoded
    return _rows(given.train), _rows(given.validation)


def _rows(part: Part) -> Rows:
    if not isinstance(part.y, np.ndarray) or not (
        part.sample_weight is None or isinstance(part.sample_weight, np.ndarray)
    ):
        raise InputError("the data has several targets")
    y = part.y[:, 0] if part.y.ndim == 2 and part.y.shape[1] == 1 else part.y
    if y.ndim > 2:
        raise InputError(f"the target has shape {y.shape}")
    columns = [_frame(name, array) for name, array in part.columns.items()]
    return Rows(pd.concat(columns, axis=1), y, None if part.sample_weight is None else part.sample_weight.reshape(-1))


def _frame(name: str, array: Array) -> pd.DataFrame:
    flat = array.reshape(len(array), -1)
    return pd.DataFrame(flat, columns=[f"{name}[{index}]" for index in range(flat.shape[1])])


def linear_encoding() -> Any:
    """Numbers standardized, with the mean for missing ones; text as one-hot columns."""
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    text = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES)
    return ColumnTransformer([("numbers", numbers, _NUMBERS), ("text", text, _TEXT)])


def tree_encoding() -> Any:
    """Numbers as they are; text as the numbers of its categories."""
    text = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=MOST_CATEGORIES)
    return ColumnTransformer([("text", text, _TEXT), ("numbers", "passthrough", _NUMBERS)])


def text_columns(x: pd.DataFrame) -> list[int]:
    """The positions that `tree_encoding` gives to the columns of text: the first ones."""
    return list(range(len(_TEXT(x))))
