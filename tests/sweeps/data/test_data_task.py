"""The line that says what a target is taken for, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sweeps.data import DataSource, from_arrays

I60 = np.arange(60)
QUANTITY = 'if they are a quantity: --task regression (task="regression")'
CLASSES = 'if they are classes: --task classification (task="classification")'


def task(y: Any, **options: Any) -> str:
    x = np.arange(len(y), dtype=float)[:, np.newaxis]
    return from_arrays(x, y, DataSource("arrays", **options)).task


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (np.array(["a", "b", "c"])[I60 % 3], "3 classes (target: 3 different texts)"),
        (np.array(["no", "yes"])[I60 % 2], "2 classes, 'no' and 'yes' (target: 2 different texts)"),
        (I60 % 2 == 0, "2 classes, 'False' and 'True' (target: true and false)"),
        (I60 % 10, "10 classes (target: 10 different whole numbers)"),
        (np.arange(300) % 12, f"12 classes (target: 12 different whole numbers; {QUANTITY})"),
        (I60 / 7, "regression (target: 60 different decimals)"),
        (I60 * 10, "regression (target: 60 different whole numbers)"),
        (
            I60 % 3 * 1.0,
            f"regression (target: 3 different whole numbers with a decimal point, 0.0, 1.0, 2.0; {CLASSES})",
        ),
        (
            np.arange(300) % 100,
            f"regression (target: 100 different whole numbers, 0, 1, 2, 3, 4 and 95 more; {CLASSES})",
        ),
        (np.eye(3)[I60 % 3], "3 classes (target: 3 columns of 0 and 1)"),
        (np.stack([I60 % 2, I60 % 3 > 0], 1), "2 labels, any number of them in a row (target: 2 columns of 0 and 1)"),
        (np.stack([I60 / 7, I60 / 3], 1), "regression of 2 numbers (target: 2 columns of numbers)"),
    ],
)
def test_a_task_is_named_with_its_reason_and_with_the_other_one_that_may_be_meant(y: Any, said: str) -> None:
    assert task(y) == said


def test_what_was_asked_for_is_no_doubt() -> None:
    assert task(I60 % 3 * 1.0, task="classification") == (
        "3 classes, as asked (target: 3 different whole numbers with a decimal point)"
    )
    assert task(I60 % 3, task="regression") == "regression, as asked (target: 3 different whole numbers)"
