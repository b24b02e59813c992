"""Arrays in .npz files: what is read, and what is refused before it can do harm."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from search_spaces.data_spec import InputSpec
from sweeps.data import DataSource, load
from sweeps.errors import InputError

Array = npt.NDArray[Any]
Refused = Callable[..., str]
Write = Callable[..., Path]

X = np.arange(60, dtype=np.float32).reshape(30, 2)
Y = np.arange(30) % 3


def _source(path: Path, **options: Any) -> DataSource:
    return DataSource(str(path), **options)


def test_parts_that_the_file_names_are_taken_as_they_are(npz: Write) -> None:
    path = npz(x_train=X, y_train=Y, x_valid=X[:6] + 1, y_valid=Y[:6], x_test=X[:3] + 2, y_test=Y[:3])
    data = load(_source(path))
    np.testing.assert_array_equal(data.train.x, X)
    np.testing.assert_array_equal(data.validation.x, X[:6] + 1)
    assert data.test is not None
    np.testing.assert_array_equal(data.test.x, X[:3] + 2)
    assert data.name == "data"


def test_only_a_validation_set_is_split_off_named_training_rows(npz: Write) -> None:
    data = load(_source(npz(x_train=X, y_train=Y)))
    assert (len(data.train), len(data.validation), data.test) == (24, 6, None)


def test_of_x_and_y_a_test_set_is_held_apart_too(npz: Write) -> None:
    data = load(_source(npz(x=X, y=Y)))
    assert data.test is not None
    rows = np.concatenate([part.columns[""] for part in (data.train, data.validation, data.test)])
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 6, 6)
    np.testing.assert_array_equal(np.sort(rows[:, 0]), X[:, 0])


def test_images_stay_uint8_and_all_other_numbers_become_float32(npz: Write) -> None:
    images = np.tile(np.arange(30, dtype=np.uint8)[:, None, None], (1, 2, 2))
    assert load(_source(npz(x=images, y=Y))).train.columns[""].dtype == np.uint8
    for dtype in (np.float64, np.int64, np.float16, ">f4", bool):
        load.cache_clear()
        data = load(_source(npz(x=images.astype(dtype), y=Y)))
        assert data.train.columns[""].dtype == np.float32
        np.testing.assert_array_equal(data.validation.x, load(_source(npz(x=images.astype(dtype), y=Y))).validation.x)


def test_an_array_in_fortran_order_keeps_its_values(npz: Write) -> None:
    data = load(_source(npz(x_train=np.asfortranarray(X), y_train=Y, x_valid=X[:6], y_valid=Y[:6])))
    np.testing.assert_array_equal(data.train.x, X)


def test_arrays_beside_the_named_ones_are_left_unread(npz: Write) -> None:
    path = npz(pickled=True, x=X, y=Y, notes=np.array([{"a": 1}], dtype=object))
    assert len(load(_source(path)).train) == 18


def test_text_targets_become_labels(npz: Write) -> None:
    data = load(_source(npz(x=X, y=np.array(["b", "a", "c"])[Y])))
    assert data.labels == ("a", "b", "c")


def test_float_vectors_carry_mean_and_variance_of_the_training_rows_alone(npz: Write) -> None:
    data = load(_source(npz(x_train=X, y_train=Y, x_valid=X[:6] + 1e6, y_valid=Y[:6])))
    assert data.spec.inputs == InputSpec((2,), "float32", mean=(29.0, 30.0), variance=(299 + 2 / 3, 299 + 2 / 3))


def test_float_images_carry_their_highest_training_value_and_black_ones_divide_by_nothing(npz: Write) -> None:
    images = np.zeros((30, 2, 2))
    assert load(_source(npz(x=images, y=Y))).spec.inputs == InputSpec((2, 2), "float32", high=1.0)
    load.cache_clear()
    data = load(_source(npz(x_train=images - 3, y_train=Y, x_valid=images + 9, y_valid=Y)))
    assert data.spec.inputs == InputSpec((2, 2), "float32", high=3.0)


def _nan(x: Array, value: float = np.nan) -> Array:
    x = x.copy()
    x[4, 1] = value
    return x


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": X}, ["'y'", "missing"]),
        ({"x_train": X, "y_train": Y, "x_valid": X}, ["'y_valid'", "missing"]),
        ({"x_test": X, "y_test": Y}, ["x_train, y_train", "got x_test, y_test"]),
        ({"x": X, "y": Y, "x_train": X, "y_train": Y}, ["x_train, y_train", "or only x, y"]),
        ({"a": X}, ["x_train, y_train", "got a"]),
        ({"x_train": X, "y_train": Y, "x_val": X, "y_val": Y}, ["'x_val'", "Did you mean 'x_valid'"]),
        ({"x": X, "y": Y[:29]}, ["x:", "(30, 2)", "(29,)"]),
        ({"x_train": X, "y_train": Y, "x_valid": X[:4], "y_valid": Y}, ["x_valid", "(4, 2)", "(30,)"]),
        ({"x": X[:, 0], "y": Y}, ["x:", "two axes", "(30,)"]),
        ({"x": np.float32(3), "y": Y}, ["x:", "two axes", "()"]),
        ({"x": X, "y": np.int64(3)}, ["(30, 2)", "()"]),
        ({"x": X[:0], "y": Y[:0]}, ["x:", "(0, 2)"]),
        ({"x": X[:, :0], "y": Y}, ["x:", "(30, 0)"]),
        ({"x": _nan(X), "y": Y}, ["x:", "got 1", "row 4"]),
        ({"x": _nan(X, np.inf), "y": Y}, ["x:", "got 1", "row 4"]),
        ({"x": _nan(X.astype(np.float64), 1e300), "y": Y}, ["x:", "below 3.4e38"]),
        ({"x": X.astype(str), "y": Y}, ["x:", "numbers", "<U"]),
        ({"x": X.astype(complex), "y": Y}, ["x:", "numbers", "complex"]),
        ({"x": X.astype("M8[s]"), "y": Y}, ["x:", "numbers", "datetime"]),
        ({"x": X, "y": Y.astype("M8[s]")}, ["target:", "datetime"]),
        ({"x": X, "y": np.zeros((30, 2, 2))}, ["target:", "(30, 2, 2)"]),
        ({"x": X, "y": np.where(Y == 0, np.nan, 1.5)}, ["target:", "10 NaN"]),
        ({"x": X, "y": np.zeros(30, int)}, ["two classes", "'0'"]),
        ({"x": X, "y": np.r_[0, np.ones(29, int)]}, ["class '0'", "3 rows", "got 1"]),
        ({"x": X[:1], "y": np.array([1.5])}, ["target:", "differ"]),
        ({"x": X[:2], "y": np.array([1.5, 2.5])}, ["the data", "3 rows", "got 2"]),
        ({"x_train": X, "y_train": Y, "x_valid": X, "y_valid": Y * 0}, ["validation", "none of '1', '2'"]),
        ({"x_train": X, "y_train": Y % 2, "x_valid": X, "y_valid": Y}, ["training", "none of '2'"]),
        ({"x_train": X, "y_train": Y, "x_valid": X[:, :1], "y_valid": Y}, ["x_valid", "(2,)", "(1,)"]),
        ({"x_train": X.astype("u1"), "y_train": Y, "x_valid": X, "y_valid": Y}, ["uint8", "float32"]),
        ({"x_train": X, "y_train": Y, "x_valid": X, "y_valid": Y.astype(str)}, ["target:", "int64", "str"]),
    ],
)  # fmt: skip
def test_arrays_that_are_no_dataset_are_refused(
    arrays: dict[str, Array], words: list[str], npz: Write, refused: Refused
) -> None:
    refused(_source(npz(**arrays)), "data.npz", *words)


class _Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


def test_pickled_objects_are_refused_and_never_run(tmp_path: Path, npz: Write, refused: Refused) -> None:
    trap = tmp_path / "sprung"
    path = npz(pickled=True, x=X, y=np.array([_Hostile(str(trap))] * 30, dtype=object))
    refused(_source(path), "'y'", "pickled objects")
    assert not trap.exists()


def _zip(path: Path, compression: int = zipfile.ZIP_STORED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compression, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def _npy(array: Array) -> bytes:
    stream = BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, refused: Refused) -> None:
    header = _npy(np.zeros((10**6, 0)))
    bomb = header.replace(b"(1000000, 0), }", b"(1000000,34), }") + bytes(10**6 * 34 * 8)
    assert len(bomb) > 2**28
    path = _zip(tmp_path / "bomb.npz", zipfile.ZIP_DEFLATED, x=bomb, y=_npy(Y))
    refused(_source(path), "100-fold", "numpy.savez")


def test_what_would_not_fit_in_memory_is_refused(npz: Write, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.system.file_checks.memory_limit", lambda: 100)
    refused(_source(npz(x=X, y=Y)), "half of the memory")


def test_a_header_that_promises_more_than_the_file_holds_is_refused(tmp_path: Path, refused: Refused) -> None:
    lying = _npy(X).replace(b"(30, 2), ", b"(9**9, 2)").replace(b"(9**9, 2)", b"(99999, )")
    refused(_source(_zip(tmp_path / "lying.npz", x=lying, y=_npy(Y))), "'x'", "corrupt")
    huge = _npy(X).replace(b"(30, 2), }  ", b"(3000, 2), }")
    assert huge != _npy(X)
    refused(_source(_zip(tmp_path / "huge.npz", x=huge, y=_npy(Y))), "'x'", "header and its size differ")


def test_no_cut_of_a_file_and_no_flipped_byte_gives_a_traceback(tmp_path: Path, npz: Write, refused: Refused) -> None:
    content = npz(x=X, y=Y).read_bytes()
    for place in range(1, len(content), 7):
        path = tmp_path / f"cut{place}.npz"
        path.write_bytes(content[:place])
        refused(_source(path), "npz")
    whole = load(_source(npz(x=X, y=Y)))
    for place in range(0, len(content), 5):
        path = tmp_path / f"flip{place}.npz"
        path.write_bytes(content[:place] + bytes((content[place] ^ 0x41,)) + content[place + 1 :])
        with contextlib.suppress(InputError):  # or a byte that nothing reads, such as a date in the zip
            assert load(_source(path)).digest == whole.digest


def test_what_is_no_zip_is_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "text.npz"
    path.write_text("x,y\n1,2\n")
    refused(_source(path), "valid .npz")
    np.save(tmp_path / "array.npy", X)
    (tmp_path / "array.npy").rename(path)
    load.cache_clear()
    refused(_source(path), "valid .npz")
    refused(_source(_zip(tmp_path / "none.npz")), "got none")


def test_a_target_column_means_nothing_for_arrays(npz: Write, refused: Refused) -> None:
    refused(_source(npz(x=X, y=Y), target="y"), "target:", "'y'")
