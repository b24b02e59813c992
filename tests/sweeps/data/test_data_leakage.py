"""Warnings of what makes a score too good to be true."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sweeps.data import DataSource, from_arrays, from_frame, leaks

ROWS = 300
RANDOM = np.random.default_rng(0)
NOISE = RANDOM.normal(size=ROWS)
CLASSES = RANDOM.integers(0, 3, ROWS)
AMOUNT = RANDOM.normal(size=ROWS) * 10


def _leaks(y: Any, **columns: Any) -> tuple[str, ...]:
    return leaks(from_frame(pd.DataFrame({"noise": NOISE, **columns, "y": y}), DataSource("table", target="y")))


def test_an_honest_column_is_not_suspected() -> None:
    classes = pd.Series(["u", "v", "w"])[CLASSES].to_numpy()
    half = np.where(RANDOM.random(ROWS) < 0.5, classes, "u")
    assert _leaks(classes, half=half, number=CLASSES + NOISE, rows=np.arange(ROWS)) == ()
    assert _leaks(AMOUNT, near=AMOUNT + NOISE, rounded=AMOUNT.round(), id=np.arange(ROWS)) == ()


def test_the_target_in_other_words_is_found() -> None:
    [said] = _leaks(pd.Series(["u", "v", "w"])[CLASSES].to_numpy(), copy=pd.Series(["x", "y", "z"])[CLASSES].to_numpy())
    assert said.startswith("column 'copy' is the target in other words")
    assert "--drop 'copy'" in said


def test_a_column_that_determines_the_target_is_found() -> None:
    [said] = _leaks(CLASSES, shop=[f"s{c}{i % 10}" for i, c in enumerate(CLASSES)])
    assert said.startswith("column 'shop' determines the target: each of its 30 values")


def test_a_column_that_is_the_target_on_another_scale_is_found() -> None:
    assert "equals the target" in _leaks(AMOUNT, same=AMOUNT)[0]
    assert "another scale" in _leaks(AMOUNT, cents=AMOUNT * 100 + 3)[0]


def test_a_number_that_separates_the_classes_is_found_among_missing_ones() -> None:
    closed = np.where(CLASSES > 0, 20.0, 10.0) + RANDOM.random(ROWS)
    closed[:20] = np.nan
    [said] = _leaks(CLASSES > 0, closed=closed)
    assert said.startswith("column 'closed' separates the classes")


def test_rows_that_come_twice_are_counted() -> None:
    frame = pd.DataFrame({"noise": NOISE, "y": CLASSES})
    twice = pd.concat([frame, frame.head(30)], ignore_index=True)
    [said] = leaks(from_frame(twice, DataSource("table", target="y")))
    assert said.startswith("30 of 330 rows come more than once")


def test_images_and_short_tables_are_not_looked_at() -> None:
    images = RANDOM.normal(size=(ROWS, 4, 4))
    assert leaks(from_arrays(images, CLASSES, DataSource("arrays"))) == ()
    short = pd.DataFrame({"a": np.arange(30) % 2, "y": np.arange(30) % 2})
    assert leaks(from_frame(short, DataSource("table", target="y"))) == ()
