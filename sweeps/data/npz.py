"""Reading `.npz` files: arrays under the names of `keras.datasets`' own files, never through pickle."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from sweeps.data.dataset import Array, Part
from sweeps.data.files import check_file, check_memory
from sweeps.data.raw import Raw
from sweeps.errors import InputError, unknown

NAMES = ("x", "y", "x_train", "y_train", "x_valid", "y_valid", "x_test", "y_test")
# A bomb is told from sparse data by both: beyond this size it must not have shrunk by more than this.
_BOMB_BYTES = 2**28
_BOMB_RATIO = 100


def read_npz(path: Path) -> Raw:
    """The arrays x_train, y_train [, x_valid, y_valid] [, x_test, y_test], or x, y; others are not read.

    Raises:
        InputError: no such arrays, pickled objects, or a file that is no sound zip or would not fit.
    """
    size = check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            parts = _parts(tuple(members))
            wanted = [members[name] for pair in parts.values() for name in pair]
            _check_sizes(wanted, size)
            read = {
                part: Part(_read(archive, members[x]), _read(archive, members[y])) for part, (x, y) in parts.items()
            }
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"a sound .npz file (a zip of arrays) is needed: {error}") from None
    if "all" in read:
        return Raw(read["all"], whole=True)
    return Raw(read["train"], read.get("valid"), read.get("test"))


def _parts(names: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Part -> the names of its two arrays."""
    for name in names:
        if name.startswith(("x", "y")) and name not in NAMES:
            raise unknown("array", name, NAMES)
    found = {
        part: (f"x{end}", f"y{end}")
        for part, end in (("all", ""), ("train", "_train"), ("valid", "_valid"), ("test", "_test"))
        if f"x{end}" in names or f"y{end}" in names
    }
    for pair in found.values():
        for name in pair:
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


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """One array. Its header is compared with the zip's directory before memory is taken for it."""
    name = member.filename.removesuffix(".npy")
    try:
        with archive.open(member) as stream:
            version = npy.read_magic(stream)
            read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
            shape, fortran, dtype = read_header(stream)
            if dtype.hasobject:
                raise InputError(f"array {name!r} holds pickled objects, which are not read: save numbers or text")
            size = math.prod(shape) * dtype.itemsize
            if min(shape, default=0) < 0 or size != member.file_size - stream.tell():
                raise ValueError("its header and its size differ")
            return np.frombuffer(stream.read(), dtype).reshape(shape, order="F" if fortran else "C")
    except (ValueError, KeyError) as error:
        raise InputError(f"array {name!r} is corrupt: {str(error).splitlines()[0]}") from None
