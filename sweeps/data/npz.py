"""Reading `.npz` files: arrays under the names of `keras.datasets`' own files, never through pickle.

Beside `x_train` and `y_train` there may be `sample_weight_train`, and likewise for the other parts.
"""

from __future__ import annotations

import contextlib
import math
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from sweeps.data.dataset import Array, Part
from sweeps.data.raw import Raw
from sweeps.errors import InputError, unknown
from sweeps.system.file_checks import check_file, check_memory

_ENDS = {"all": "", "train": "_train", "valid": "_valid", "test": "_test"}
NAMES = tuple(f"{array}{end}" for end in _ENDS.values() for array in ("x", "y", "sample_weight"))
# A bomb is told from sparse data by both: beyond this size it must not have shrunk by more than this.
_BOMB_BYTES = 2**28
_BOMB_RATIO = 100


def read_npz(path: Path) -> Raw:
    """The arrays x_train, y_train [, x_valid, y_valid] [, x_test, y_test], or x, y, and the sample weights of
    each; others are not read.

    Raises:
        InputError: no such arrays, pickled objects, or a file that is no valid zip or would not fit.
    """
    size = check_file(path)
    with _opened(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        parts = _parts(tuple(members))
        wanted = [members[name] for arrays in parts.values() for name in arrays]
        _check_sizes(wanted, size)
        read = {part: Part(*(_read(archive, members[name]) for name in names)) for part, names in parts.items()}
    if "all" in read:
        return Raw(read["all"], whole=True)
    return Raw(read["train"], read.get("valid"), read.get("test"))


def _parts(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Part -> the names of its arrays: x, y and, where they are there, the sample weights."""
    for name in names:
        if name.startswith(("x", "y", "sample_weight")) and name not in NAMES:
            raise unknown("array", name, NAMES)
    found = {
        part: (f"x{end}", f"y{end}", *([f"sample_weight{end}"] if f"sample_weight{end}" in names else []))
        for part, end in _ENDS.items()
        if f"x{end}" in names or f"y{end}" in names
    }
    for arrays in found.values():
        for name in arrays:
            if name not in names:
                raise InputError(f"array {name!r} is missing; there are {', '.join(sorted(names)[:20])}")
    if ("all" in found) == ("train" in found) or ("all" in found and len(found) > 1):
        raise InputError(
            "arrays x_train, y_train [, x_valid, y_valid] [, x_test, y_test], or only x, y, are needed, "
            f"got {', '.join(sorted(names)[:20]) or 'none'}"
        )
    return found


def _check_sizes(members: list[zipfile.ZipInfo], size: int) -> None:
    """The zip's directory tells what its members expand to; reading stops there, so it is an upper bound."""
    expanded = sum(info.file_size for info in members)
    check_memory(expanded)
    if expanded > max(_BOMB_BYTES, _BOMB_RATIO * size):
        raise InputError(
            f"beyond {_BOMB_BYTES} bytes a file may expand {_BOMB_RATIO}-fold, this one would "
            f"{expanded // size}-fold, to {expanded} bytes.\n"
            "If the data is meant so, store it uncompressed, with numpy.savez."
        )


def read_array(path: Path) -> Array:
    """The array of an .npy file; of an .npz file `x`, `x_test` or the first.

    Raises:
        InputError: no such file, no array of numbers, or one that would not fit.
    """
    size = check_file(path)
    if path.suffix.lower() == ".npy":
        check_memory(size)
        with path.open("rb") as stream:
            return _read_npy(path.stem, stream, size)
    with _opened(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        name = next((name for name in ("x", "x_test", *members) if name in members), None)
        if name is None:
            raise InputError("an array is needed, there is none")
        _check_sizes([members[name]], size)
        return _read(archive, members[name])


def read_arrays(path: Path, names: Collection[str]) -> dict[str, Array]:
    """The arrays of an .npz file that bear these names.

    Raises:
        InputError: as `read_array`, or one of them is not there.
    """
    size = check_file(path)
    with _opened(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if absent := [name for name in names if name not in members]:
            there = ", ".join(sorted(members)[:20]) or "none"
            raise InputError(f"arrays {', '.join(names)} are needed, {absent[0]!r} is not there; there are {there}")
        _check_sizes([members[name] for name in names], size)
        return {name: _read(archive, members[name]) for name in names}


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"a valid .npz file (a zip of arrays) is needed: {error}") from None


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    name = member.filename.removesuffix(".npy")
    try:
        with archive.open(member) as stream:
            return _read_npy(name, stream, member.file_size)
    except (ValueError, KeyError) as error:
        raise InputError(f"array {name!r} is corrupt: {error}") from None


def _read_npy(name: str, stream: IO[bytes], size: int) -> Array:
    """One array of `size` bytes with its header, which is compared with that before memory is taken for it."""
    try:
        version = npy.read_magic(stream)
        read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = read_header(stream)
        if dtype.hasobject:
            raise InputError(f"array {name!r} holds pickled objects, which are not read: save numbers or text")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size - stream.tell():
            raise ValueError("its header and its size differ")
        return np.frombuffer(stream.read(), dtype).reshape(shape, order="F" if fortran else "C")
    except (
        ValueError,
        KeyError,
        RecursionError,
        tokenize.TokenError,
    ) as error:  # the last: a header that is no literal
        raise InputError(f"array {name!r} is corrupt: {str(error).splitlines()[0]}") from None
