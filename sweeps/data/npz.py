"""Reading `.npz` files: arrays under the names of `keras.datasets`' own files, never through pickle.

Beside `x_train` and `y_train` there may be `sample_weight_train`, and likewise for the other parts.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy

from sweeps.data.dataset import Array, Part, RawDataset
from sweeps.errors import InputError, unknown
from sweeps.system.file_checks import check_file, check_memory

_SUFFIXES = {"all": "", "train": "_train", "valid": "_valid", "test": "_test"}
NAMES = tuple(f"{array}{suffix}" for suffix in _SUFFIXES.values() for array in ("x", "y", "sample_weight"))
# A file is taken for a zip bomb when it expands beyond this size, and by more than this ratio: sparse data does less.
_BOMB_BYTES = 2**28
_BOMB_RATIO = 100


def read_npz(path: Path) -> RawDataset:
    """Read x_train, y_train [, x_valid, y_valid] [, x_test, y_test], or x, y, and the sample weights of each.

    Other arrays are not read.

    Raises:
        InputError: there are no such arrays, they hold pickled objects, or the file is no valid zip or too large.
    """
    arrays = _read(path, _dataset_names)
    parts = {
        part: Part(arrays[f"x{suffix}"], arrays[f"y{suffix}"], arrays.get(f"sample_weight{suffix}"))
        for part, suffix in _SUFFIXES.items()
        if f"x{suffix}" in arrays
    }
    if "all" in parts:
        return RawDataset(parts["all"], whole=True)
    return RawDataset(parts["train"], parts.get("valid"), parts.get("test"))


def read_array(path: Path) -> Array:
    """The array of an .npy file, which stays on the disk; of an .npz file `x`, `x_test` or the first.

    Raises:
        InputError: there is no such file, no array of numbers or text in it, or it is too large.
    """
    if path.suffix.lower() == ".npy":
        size = check_file(path)
        with path.open("rb") as stream:
            shape, order, dtype = _header(path.stem, stream, size)
            if not math.prod(shape):
                return np.empty(shape, dtype)
            return np.memmap(path, dtype, "r", stream.tell(), shape, order)

    def first(names: Collection[str]) -> list[str]:
        if not names:
            raise InputError("an array is needed, there is none")
        return [next(name for name in ("x", "x_test", *names) if name in names)]

    return next(iter(_read(path, first).values()))


def read_arrays(path: Path, names: Collection[str]) -> dict[str, Array]:
    """The arrays of an .npz file with these names.

    Raises:
        InputError: see `read_array`, or one of the arrays is missing.
    """

    def checked(present: Collection[str]) -> Collection[str]:
        if absent := [name for name in names if name not in present]:
            raise InputError(
                f"arrays {', '.join(names)} are needed, {absent[0]!r} is not there; there are {_some(present)}"
            )
        return names

    return _read(path, checked)


def _dataset_names(present: Collection[str]) -> list[str]:
    """The names of a dataset's arrays, checked to be complete."""
    for name in present:
        if name.startswith(("x", "y", "sample_weight")) and name not in NAMES:
            raise unknown("array", name, NAMES)
    parts = {part: end for part, end in _SUFFIXES.items() if f"x{end}" in present or f"y{end}" in present}
    needed = [f"{array}{end}" for end in parts.values() for array in ("x", "y")]
    for name in needed:
        if name not in present:
            raise InputError(f"array {name!r} is missing; there are {_some(present)}")
    if ("all" in parts) == ("train" in parts) or ("all" in parts and len(parts) > 1):
        raise InputError(
            "arrays x_train, y_train [, x_valid, y_valid] [, x_test, y_test], or only x, y, are needed, "
            f"got {_some(present)}"
        )
    weights = [f"sample_weight{end}" for end in parts.values()]
    return [*needed, *(name for name in weights if name in present)]


def _some(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:20]) or "none"


def _read(path: Path, choose: Callable[[Collection[str]], Collection[str]]) -> dict[str, Array]:
    """Read the arrays that `choose` picks from the names, once it is known that they fit into memory."""
    size = check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            chosen = {name: members[name] for name in choose(members)}
            _check_sizes(chosen.values(), size)
            return {name: _read_member(archive, name, member) for name, member in chosen.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"a valid .npz file (a zip of arrays) is needed: {error}") from None


def _check_sizes(members: Collection[zipfile.ZipInfo], size: int) -> None:
    """Check the sizes in the zip's directory, which are upper bounds: reading stops there."""
    expanded = sum(info.file_size for info in members)
    check_memory(expanded)
    if expanded > max(_BOMB_BYTES, _BOMB_RATIO * size):
        raise InputError(
            f"a file beyond {_BOMB_BYTES} bytes may expand {_BOMB_RATIO}-fold, this one would expand "
            f"{expanded // size}-fold, to {expanded} bytes.\n"
            "If this is correct, store the data uncompressed, with numpy.savez."
        )


def _read_member(archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo) -> Array:
    try:
        with archive.open(member) as stream:
            return _read_npy(name, stream, member.file_size)
    except InputError:
        raise
    except (ValueError, KeyError) as error:
        raise InputError(f"array {name!r} is corrupt: {error}") from None


def _read_npy(name: str, stream: IO[bytes], size: int) -> Array:
    """Read an array of `size` bytes, header included; both are compared before memory is allocated."""
    shape, order, dtype = _header(name, stream, size)
    try:
        return np.frombuffer(stream.read(), dtype).reshape(shape, order=order)
    except (ValueError, zlib.error) as error:
        raise InputError(f"array {name!r} is corrupt: {error}") from None


def _header(name: str, stream: IO[bytes], size: int) -> tuple[tuple[int, ...], Literal["C", "F"], np.dtype[Any]]:
    """Shape, order and dtype of an array of `size` bytes, which its header agrees with."""
    try:
        version = npy.read_magic(stream)
        read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = read_header(stream)
        if dtype.hasobject:
            raise InputError(f"array {name!r} holds pickled objects, which are not read: save numbers or text")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size - stream.tell():
            raise ValueError("its header and its size differ")
        return shape, "F" if fortran else "C", dtype
    except InputError:
        raise
    # TokenError: a header that is no literal
    except (ValueError, KeyError, RecursionError, tokenize.TokenError) as error:
        raise InputError(f"array {name!r} is corrupt: {str(error).splitlines()[0]}") from None
