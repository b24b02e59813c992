"""Formats of an export: what each needs and cannot hold, and how its outputs are compared with the trained model's."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import keras
import numpy as np
import pytest
from support import Workspace

from sweeps.errors import InputError
from sweeps.export import formats
from sweeps.export.formats import FORMATS, check_inputs, formats_of
from sweeps.export.inputs import StudyRows, drawn, of_rows
from sweeps.export.manifest import Input
from sweeps.export.round_trip import LIMIT, LIMIT_16_BITS, difference, limit_of


def test_an_extra_that_is_not_installed_is_named_with_the_command_and_nothing_is_written(
    finished: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = {"tf2onnx", "onnx"}
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name in absent else find_spec(name))
    before = finished.files
    done = finished.here("export", "digits-mlp", "--force", "--format", "onnx")
    assert (done.returncode, finished.files) == (2, before)
    assert done.stderr.splitlines() == [
        "sweeps: --format onnx needs tf2onnx, onnx, which are not installed",
        "Install: pip install 'keras-sweeps[export]'",
    ]


def test_an_unknown_format_is_refused_with_those_that_there_are(fails: Callable[..., str]) -> None:
    said = fails("export", "s", "--format", "keras,onx")
    assert "unknown format 'onx'. Did you mean 'onnx'?" in said
    assert "Allowed: keras, litert, onnx, savedmodel" in said


def test_kerass_own_format_is_always_among_those_that_are_written() -> None:
    assert [each.name for each in formats_of(["savedmodel"])] == ["keras", "savedmodel"]


@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_text_is_refused_where_a_format_has_no_operations_for_it(name: str) -> None:
    inputs = {"age": "float32", "town": "string"}
    check_inputs([FORMATS["savedmodel"]], inputs)
    with pytest.raises(InputError, match=r"no operations for text, which the model takes \('town'\)\n.*savedmodel"):
        check_inputs([FORMATS["keras"], FORMATS[name]], inputs)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--trial", "1", "--ensemble", "3"], "give one of them"),
        (["--test"], "--test is for an ensemble"),
        (["--ensemble", "2", "--again"], "--again is for --test"),
        (["--trial", "99"], "a COMPLETE trial of 'digits-mlp' is wanted, 99 is not there"),
        (["--ensemble", "99"], "--ensemble: study 'digits-mlp' has"),
    ],
)
def test_options_that_cannot_be_met_are_refused(finished: Workspace, arguments: list[str], said: str) -> None:
    before = finished.files
    done = finished.here("export", "digits-mlp", "--force", *arguments)
    assert (done.returncode, finished.files) == (2, before)
    assert said in done.stderr


NAN = float("nan")


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ([0.1, 0.9], [0.1, 0.9], 0),
        ([0.25, 0.5], [0.25, 0.625], 0.125),
        ([1000.0], [1001.0], 0.001),
        ([NAN, 1.0], [NAN, 1.0], 0),
        ([NAN], [1.0], np.inf),
        ([np.inf], [np.inf], 0),
        ([[1.0, 2.0]], [1.0, 2.0], np.inf),
    ],
)
def test_the_difference_is_absolute_of_numbers_above_1_relative(one: Any, other: Any, apart: float) -> None:
    assert difference([np.array(one, "float32")], [np.array(other, "float32")]) == pytest.approx(apart)


@pytest.mark.parametrize(("policy", "limit"), [("float32", LIMIT), ("mixed_bfloat16", LIMIT_16_BITS)])
def test_a_model_that_computes_with_16_bits_may_differ_by_more(policy: str, limit: float) -> None:
    assert limit_of(keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, dtype=policy)])) == limit


def entry(name: str, dtype: str = "float32", shape: tuple[int | None, ...] = (None, 1)) -> Input:
    return Input(name=name, dtype=dtype, shape=shape)  # type: ignore[arg-type]


def test_raw_rows_are_given_to_inputs_by_name_or_in_order() -> None:
    a, b = np.zeros((3, 1)), np.ones((3, 1))
    named = of_rows(StudyRows({"b": b, "a": a, "id": a}).columns, [entry("a"), entry("b")])
    listed = of_rows(StudyRows({"0": a, "1": b}).columns, [entry("first"), entry("second")])
    for found in (named, listed):
        assert [(array.dtype.name, array.tolist()) for array in found] == [
            ("float32", a.tolist()),
            ("float32", b.tolist()),
        ]
    assert of_rows({"": a}, [entry("x", shape=(None,))])[0].shape == (3,)
    with pytest.raises(InputError, match="the model takes 'a', 'c'"):
        of_rows({"a": a, "b": b}, [entry("a"), entry("c")])


def test_rows_are_drawn_for_every_dtype() -> None:
    inputs = [
        entry(name, dtype, (None, None, 2)) for name, dtype in (("x", "float32"), ("n", "int32"), ("t", "string"))
    ]
    x, n, t = drawn(inputs, 5)
    assert (x.shape, x.dtype, n.dtype, t.dtype.kind) == ((5, 8, 2), "float32", "int32", "U")
    assert set(np.unique(n)) <= {0, 1}
