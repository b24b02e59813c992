"""The spec is a value: it is compared, hashed, and sent to other processes."""

from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError, replace

import pytest

from search_spaces import DataSpec, InputSpec

COLUMNS = {
    "age": InputSpec((1,), "float32", mean=(40.0,), variance=(100.0,)),
    "town": InputSpec((1,), "string"),
}
SPECS = [DataSpec(InputSpec((28, 28), "uint8", high=255.0), "sparse", 10), DataSpec(COLUMNS, "regression", 1)]


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_survives_pickling_with_its_hash(spec: DataSpec) -> None:
    copy = pickle.loads(pickle.dumps(spec))
    assert copy == spec
    assert hash(copy) == hash(spec)


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_cannot_be_changed_and_differs_when_one_field_does(spec: DataSpec) -> None:
    with pytest.raises(FrozenInstanceError):
        spec.n_outputs = 3  # type: ignore[misc]
    assert replace(spec, labels=("a",)) != spec


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_comes_back_from_json(spec: DataSpec) -> None:
    spec = replace(spec, labels=("a", "b"), target_mean=(0.5,), target_variance=(2.0,))
    assert DataSpec.from_config(json.loads(json.dumps(spec.get_config()))) == spec
