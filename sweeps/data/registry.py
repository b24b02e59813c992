"""The registered datasets. To add one: write a function and add a line to `DATASETS`."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from sweeps.data.dataset import Array, Part, RawDataset
from sweeps.data.keras_files import damaged, keras_files
from sweeps.data.npz import read_npz
from sweeps.errors import InputError
from sweeps.system.file_checks import check_memory

_DIGITS = tuple("0123456789")
_FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
# SHA-256, in the order of training images and labels, test images and labels.
_FASHION_FILES = {
    "train-images-idx3-ubyte.gz": "0afda1fbd2d7baf3c123a05110490522a5bbb99a238839220940c60bab838874",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "de7a1326ad1f4c1eec0ebf3c4cb74e844864e765c08c4aee8da9e5a610e21519",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
_MNIST_FILES = {"mnist.npz": "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"}
_CALIFORNIA_FILES = {"california_housing.npz": "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"}
_CALIFORNIA_FEATURES = (
    "MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude",
)  # fmt: skip
_VALIDATION_IMAGES = 5000


def digits() -> RawDataset:
    """scikit-learn's 1,797 handwritten digits: uint8 (n, 8, 8), 0 to 16."""
    from sklearn.datasets import load_digits  # an import of 1 s that no other dataset needs

    bunch = load_digits()
    return RawDataset(Part(bunch.images.astype(np.uint8), bunch.target), whole=True, labels=_DIGITS)


def fashion_mnist() -> RawDataset:
    """70,000 pictures of clothes: uint8 (n, 28, 28); the first 5,000 of the 60,000 training images validate."""
    paths = list(keras_files("fashion-mnist", _FASHION_FILES).values())
    x, y, x_test, y_test = (_read_idx(path) for path in paths)
    for images, targets, path in ((x, y, paths[1]), (x_test, y_test, paths[3])):
        if images.ndim != 3 or targets.ndim != 1 or len(images) != len(targets):
            raise damaged(path, f"{targets.shape} labels of {images.shape} images")
    return _split_validation(x, y, Part(x_test, y_test), _FASHION)


def mnist() -> RawDataset:
    """70,000 handwritten digits: uint8 (n, 28, 28); the first 5,000 of the 60,000 training images validate."""
    _, raw = _keras_npz(_MNIST_FILES)
    return _split_validation(np.asarray(raw.train.x), raw.train.y, raw.test, _DIGITS)


def california_housing() -> RawDataset:
    """20,640 districts of California: float32 (n, 8) and the median price in dollars.

    Order and test set are those of `keras.datasets.california_housing`.
    """
    path, raw = _keras_npz(_CALIFORNIA_FILES)
    x, y = np.asarray(raw.train.x), raw.train.y
    if x.ndim != 2 or x.shape[1] != len(_CALIFORNIA_FEATURES) or y.shape != (len(x),):
        raise damaged(path, f"{y.shape} prices of {x.shape} districts")
    order = np.arange(len(x))
    np.random.RandomState(113).shuffle(order)
    train, test = np.split(order, [int(len(x) * 0.8)])
    return RawDataset(Part(x[train], y[train]), test=Part(x[test], y[test]), features=_CALIFORNIA_FEATURES)


DATASETS: dict[str, Callable[[], RawDataset]] = {
    "california_housing": california_housing,
    "digits": digits,
    "fashion_mnist": fashion_mnist,
    "mnist": mnist,
}


def _keras_npz(checksums: Mapping[str, str]) -> tuple[Path, RawDataset]:
    [path] = keras_files("", checksums).values()
    try:
        return path, read_npz(path)
    except InputError as error:
        raise damaged(path, error) from None


def _split_validation(x: Array, y: Array, test: Part | None, labels: tuple[str, ...]) -> RawDataset:
    n = _VALIDATION_IMAGES
    return RawDataset(Part(x[n:], y[n:]), Part(x[:n], y[:n]), test, labels=labels)


def _read_idx(path: Path) -> Array:
    """A uint8 array in IDX format: bytes 0, 0, 8 (the dtype) and the rank, the axes as big-endian int32, the values."""
    try:
        with gzip.open(path, "rb") as file:
            head = file.read(4)
            if head[:3] != b"\0\0\x08" or len(head) != 4:
                raise damaged(path, "no IDX file of uint8")
            shape = np.frombuffer(file.read(4 * head[3]), ">u4").astype(np.int64)
            check_memory(size := int(shape.prod()))
            content = file.read(size + 1)  # one more: gzip checks its checksum at the end
    except InputError:
        raise
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise damaged(path, error) from None
    if len(content) != size:
        raise damaged(path, f"its header announces {size} values, got {len(content)}")
    return np.frombuffer(content, np.uint8).reshape(shape)
