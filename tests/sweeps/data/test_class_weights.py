"""Class weights: by the data's own names or by indices, or balanced; and what no class bears."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps.data import Dataset, DataSource, from_arrays, with_columns
from sweeps.data.class_weights import class_weights, parse, row_weights
from sweeps.errors import InputError
from sweeps.trial.fit_options import Fitting


def dataset(y: Any) -> Dataset:
    y = np.asarray(y)
    x = np.arange(len(y), dtype=np.float32)[:, None]
    return from_arrays(x, y, DataSource("arrays", test_fraction=0.0))


ANIMALS = dataset(["cat"] * 60 + ["dog"] * 30 + ["eel"] * 10)


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        ("balanced", "balanced"),
        ('{"3": 2}', {"3": 2.0}),
        ({3: 2.0, "dog": 0}, {"3": 2.0, "dog": 0.0}),
    ],
)
def test_weights_are_a_word_a_json_or_a_dictionary(given: Any, parsed: Any) -> None:
    assert parse(given) == parsed


def test_weights_may_lie_in_a_file(here: Path) -> None:
    Path("weights.json").write_text('{"cat": 0.5}')
    assert parse("weights.json") == {"cat": 0.5}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("balance", "balanced, .* is needed"),
        ("[1, 2]", "balanced, .* is needed"),
        ("{}", "balanced, .* is needed"),
        ('{"3": -1}', "at least 0, class '3' has '-1'"),
        ('{"3": NaN}', "at least 0, class '3' has 'nan'"),
        ('{"3": 1' + "0" * 400 + "}", "at least 0, class '3' has '10000000000000000000'"),
        ("[" * 100_000, "balanced, .* is needed"),
        ('{"3": "two"}', "at least 0, class '3' has 'two'"),
        ({3: True}, "class 3 has 'True'"),
        ("none.json", "no such file"),
    ],
)
def test_what_is_no_weight_is_refused(given: Any, said: str, here: Path) -> None:
    with pytest.raises(ValueError, match=said):
        parse(given)


def test_classes_are_called_as_the_data_calls_them_or_by_index() -> None:
    assert class_weights({"dog": 3.0}, ANIMALS) == {1: 3.0}
    assert class_weights({"0": 2.0, "2": 3.0}, ANIMALS) == {0: 2.0, 2: 3.0}
    years = dataset([1, 2, 3] * 20)
    assert class_weights({"1": 2.0}, years) == {0: 2.0}, "1 is a name here"


def test_balanced_weighs_every_class_alike_as_scikit_learn_does() -> None:
    weights = class_weights("balanced", ANIMALS)
    counts = np.bincount(ANIMALS.train.y)
    np.testing.assert_allclose([weights[index] for index in range(3)], len(ANIMALS.train) / (3 * counts))
    assert class_weights("balanced", dataset(np.eye(3)[[0] * 20 + [1] * 10 + [2] * 10]))[0] < 1


def test_a_class_that_is_not_there_is_refused_and_the_classes_are_named() -> None:
    with pytest.raises(InputError, match="unknown class 'cow'\nThere are cat, dog, eel"):
        class_weights({"cat": 1.0, "cow": 2.0}, ANIMALS)
    with pytest.raises(InputError, match="unknown class '3'"):
        class_weights({"3": 2.0}, ANIMALS)


def test_a_target_in_columns_has_the_same_weights() -> None:
    for data in (ANIMALS, dataset([0, 1] * 30)):
        asked = (("1", 3.0),)
        np.testing.assert_array_equal(row_weights(asked, data), row_weights(asked, with_columns(data)))


def test_not_all_rows_may_weigh_nothing() -> None:
    with pytest.raises(InputError, match="class_weight: a training row with a weight above 0 is needed"):
        row_weights((("cat", 0.0), ("dog", 0.0), ("eel", 0.0)), ANIMALS)


def test_only_one_class_a_row_can_weigh() -> None:
    labels = np.concatenate([np.eye(2), np.ones((1, 2)), np.eye(2)[[0] * 20 + [1] * 20]])
    for y, kind in ((np.linspace(0, 1, 50), "regression"), (labels, "multi_label")):
        with pytest.raises(InputError, match=f"one class a row is needed, got {kind}"):
            class_weights("balanced", dataset(y))


def test_fit_gets_the_weights_of_classes_and_rows() -> None:
    x, y = np.arange(60, dtype=np.float32)[:, None], np.arange(60) % 2
    plain = from_arrays(x, y, DataSource("arrays"))
    fitting = Fitting({"1": 2.0})
    arguments = fitting.data_arguments(plain, rows=5)
    np.testing.assert_array_equal(arguments["sample_weight"], plain.train.y[:5] + 1)
    assert [len(array) for array in arguments["validation_data"]] == [5, 5]
    assert set(Fitting().data_arguments(plain)) == {"validation_data"}
    own = np.full(len(plain.train), 3, np.float32)
    weighted = replace(plain, train=replace(plain.train, sample_weight=own))
    weights = fitting.data_arguments(weighted)["sample_weight"]
    np.testing.assert_array_equal(weights, 3 * (plain.train.y + 1))
    again = Fitting({"1": 2.0}).data_arguments(weighted)["sample_weight"]
    assert again.ctypes.data == weights.ctypes.data, "one array for all trials"
