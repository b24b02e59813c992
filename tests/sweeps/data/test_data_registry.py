"""The datasets that have a name: their arrays, their split, and what happens without the files."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from search_spaces.data_spec import InputSpec
from sweeps.data import DataSource, load
from sweeps.data.registry import california_housing, fashion_mnist, mnist
from sweeps.errors import InputError

needs_fashion_mnist = pytest.mark.skipif(
    not (Path(os.environ.get("KERAS_HOME", "/nowhere")) / "datasets" / "fashion-mnist").is_dir(),
    reason="KERAS_HOME names no folder with Fashion-MNIST in it",
)


def _idx(*shape: int, values: bytes) -> bytes:
    return gzip.compress(bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape) + values)


def _small_fashion(home: Path, n: int = 5020) -> Path:
    folder = home / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name, rows in (("train", n), ("t10k", 20)):
        y = bytes(i % 10 for i in range(rows))
        x = bytes(i % 251 for i in range(rows * 4))
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(_idx(rows, 2, 2, values=x))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(_idx(rows, values=y))
    return folder


def test_digits_are_integer_pixels_split_into_three_stratified_parts() -> None:
    data = load(DataSource("digits"))
    assert (len(data.train), len(data.validation), len(data.test or ())) == (1079, 359, 359)
    assert data.train.columns[""].dtype == np.uint8
    assert data.spec.inputs == InputSpec((8, 8), "uint8", high=16.0)
    assert data.labels == tuple("0123456789")
    for part in (data.train, data.validation, data.test):
        assert part is not None
        counts = np.bincount(part.y, minlength=10)
        assert counts.min() / counts.max() > 0.9


@needs_fashion_mnist
def test_fashion_mnist_is_validated_by_its_first_5000_training_images_and_keeps_uint8() -> None:
    from keras.datasets.fashion_mnist import load_data

    (x, y), (x_test, y_test) = load_data()
    data = load(DataSource("fashion_mnist"))
    assert data.test is not None
    np.testing.assert_array_equal(data.validation.x, x[:5000])
    np.testing.assert_array_equal(data.train.x, x[5000:])
    np.testing.assert_array_equal(data.train.y, y[5000:])
    np.testing.assert_array_equal(data.test.x, x_test)
    np.testing.assert_array_equal(data.test.y, y_test)
    assert data.train.columns[""].dtype == np.uint8
    assert data.spec.inputs == InputSpec((28, 28), "uint8", high=255.0)
    assert data.labels is not None
    assert [data.labels[i] for i in (9, 2, 1)] == ["Ankle boot", "Pullover", "Trouser"]


def test_fashion_mnist_is_read_from_keras_home_and_nothing_is_written_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _small_fashion(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (folder, *folder.iterdir())}
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    raw = fashion_mnist()
    assert (len(raw.train), len(raw.validation or ()), len(raw.test or ())) == (20, 5000, 20)
    assert {path: path.stat().st_mtime_ns for path in (folder, *folder.iterdir())} == before


def test_mnist_is_read_from_keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "datasets").mkdir()
    x, y = np.arange(5010 * 4, dtype=np.uint8).reshape(5010, 2, 2), np.arange(5010, dtype=np.uint8) % 10
    np.savez(tmp_path / "datasets" / "mnist.npz", x_train=x, y_train=y, x_test=x[:7], y_test=y[:7])
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    raw = mnist()
    assert raw.validation is not None
    np.testing.assert_array_equal(raw.train.x, x[5000:])
    np.testing.assert_array_equal(raw.validation.x, x[:5000])
    assert len(raw.test or ()) == 7


def _california(home: Path, **arrays: object) -> Path:
    (home / "datasets").mkdir()
    path = home / "datasets" / "california_housing.npz"
    rows = np.arange(50 * 8, dtype=np.float64).reshape(50, 8)
    np.savez(path, **{"x": rows, "y": rows[:, 0] * 100} | arrays)  # type: ignore[arg-type]
    return path


def test_california_housing_has_the_rows_order_and_test_set_that_keras_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras.src.datasets import california_housing as of_keras

    path = _california(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(of_keras, "get_file", lambda *_, **__: path)
    (x, y), (x_test, y_test) = of_keras.load_data()
    raw = california_housing()
    assert raw.test is not None
    for mine, keras_own in ((raw.train.x, x), (raw.train.y, y), (raw.test.x, x_test), (raw.test.y, y_test)):
        np.testing.assert_array_equal(mine, keras_own)
    data = load(DataSource("california_housing"))
    assert (data.spec.target, len(data.train), len(data.validation), len(data.test or ())) == ("regression", 32, 8, 10)
    assert data.features is not None
    assert data.features[0] == "MedInc"


def test_a_california_file_of_other_shapes_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _california(tmp_path, x=np.zeros((50, 3)))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"is damaged: \(50,\) prices of \(50, 3\) districts"):
        load(DataSource("california_housing"))


@pytest.mark.parametrize(("name", "files"), [("fashion_mnist", 4), ("mnist", 1), ("california_housing", 1)])
def test_without_files_and_network_two_lines_say_which_files_go_where_and_that_digits_needs_none(
    name: str, files: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("sweeps.data.keras_files._ORIGIN", "http://127.0.0.1:9/")
    with pytest.raises(InputError) as caught:
        load(DataSource(name))
    first, second = str(caught.value).split("\n")
    assert first.count("-ubyte.gz") == (4 if files == 4 else 0)
    assert f"{name}.npz" in first or files == 4
    assert str(tmp_path / "home" / "datasets") in second
    assert "DATASET=digits" in second
    assert not (tmp_path / "home").exists(), "a refused input writes nothing"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[: len(content) // 2], id="cut in half"),
        pytest.param(lambda content: content[:400] + bytes((content[400] ^ 4,)) + content[401:], id="a flipped bit"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: b"<html>not here</html>", id="another file"),
        pytest.param(lambda content: gzip.compress(b"\0\0\x08"), id="half a header"),
        pytest.param(lambda content: _idx(5020, 2, 2, values=bytes(9)), id="fewer values than announced"),
        pytest.param(lambda content: _idx(5020, 2, 2, values=bytes(20_081)), id="more values than announced"),
        pytest.param(
            lambda content: gzip.compress(b"\0\0\x0d" + gzip.decompress(content)[3:]),
            id="another type of value",
        ),
    ],
)
def test_a_damaged_file_is_named_with_what_to_do(
    damage: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _small_fashion(tmp_path) / "train-images-idx3-ubyte.gz"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="is damaged") as caught:
        load(DataSource("fashion_mnist"))
    assert str(path) in str(caught.value)
    assert "DATASET=digits" in str(caught.value)
    assert str(caught.value).count("\n") == 1


def test_labels_that_do_not_fit_the_images_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _small_fashion(tmp_path)
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(_idx(3, values=b"\0\1\2"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(InputError, match="labels of"):
        load(DataSource("fashion_mnist"))


def test_a_file_that_announces_more_than_the_memory_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _small_fashion(tmp_path)
    bomb = _idx(2**31, 2**10, 2**10, values=b"")
    (folder / "train-images-idx3-ubyte.gz").write_bytes(bomb)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(InputError, match="half of the memory"):
        load(DataSource("fashion_mnist"))
