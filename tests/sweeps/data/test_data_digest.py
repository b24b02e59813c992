"""The fingerprint by which a resumed study knows its data again."""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest

from sweeps.data.dataset import Part
from sweeps.data.digest import digest

X, Y = np.arange(12.0).reshape(6, 2), np.arange(6)
PART = Part(X, Y)


def test_equal_content_gives_the_same_digest_in_every_process() -> None:
    assert digest([PART]) == digest([Part(X.copy(), Y.copy())])
    assert (
        digest([PART]) == "9072e92578a5f3e4cf5478bd2e78c8e9"
    )  # of another process; a change makes studies refuse their data


def test_the_digest_fits_into_mlflows_36_characters() -> None:
    assert len(digest([PART])) == 32


@pytest.mark.parametrize(
    "other",
    [
        pytest.param([Part(X + np.eye(6, 2) * 1e-9, Y)], id="one value"),
        pytest.param([Part(X, Y[::-1])], id="the order of the target"),
        pytest.param([Part(X.reshape(3, 4), Y)], id="the shape"),
        pytest.param([Part(X.view(np.int64), Y)], id="the type"),
        pytest.param([Part({"a": X}, Y)], id="a column's name"),
        pytest.param([Part(X, Y, np.ones(6))], id="sample weights"),
        pytest.param([PART, None], id="a part more"),
        pytest.param([Part(X[:3], Y[:3]), Part(X[3:], Y[3:])], id="the split"),
    ],
)
def test_any_difference_changes_the_digest(other: list[Part | None]) -> None:
    assert digest(other) != digest([PART])


def test_labels_change_the_digest() -> None:
    assert digest([PART], ["a"]) != digest([PART], ["b"])


def test_rows_that_are_not_contiguous_count_by_their_values() -> None:
    assert digest([Part(np.asfortranarray(X), Y)]) == digest([PART])
    assert digest([Part({"t": np.array([["a"], ["é"]])}, Y)]) != digest([Part({"t": np.array([["a"], ["b"]])}, Y)])


def test_many_images_cost_little_more_than_the_hash_of_their_bytes() -> None:
    part = Part(np.zeros((55_000, 784), np.uint8), np.zeros(55_000))
    started = time.process_time()
    hashlib.sha256(part.x.data)
    hashed = time.process_time()
    digest([part])
    assert time.process_time() - hashed < 10 * (hashed - started)
