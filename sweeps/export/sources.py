"""The rows that are predicted: read from a table, an array, images, or a folder of them, a piece at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sweeps.data import Rows, first_rows, read_array, read_arrays, read_rows
from sweeps.errors import InputError
from sweeps.export.images import IMAGES, image_inputs, read_image
from sweeps.export.inputs import as_input, of_shape
from sweeps.export.manifest import Manifest

TABLES, ARRAYS = (".csv", ".parquet"), (".npy", ".npz")
#: rows of arrays that are read at once
PIECE = 16384
#: bytes of images that are read at once
_IMAGE_BYTES = 2**26


@dataclass(frozen=True)
class Piece:
    """Some rows.

    Attributes:
        first: how many rows come before.
        count: how many they are, the wrong ones, too.
        faults: the wrong ones, from 0 on, and what is wrong with them.
        others: what stands beside the rows: the columns of a table that the model does not use, the name of an image,
            of a folder each row's file and its number there.
        skipped: what is said of lines that are no rows, and of files that are none.
        names: of the rows, in messages.
        total: how many rows there are in all, where it is known.
    """

    first: int
    count: int
    faults: Mapping[int, str] = field(default_factory=dict)
    others: pa.Table | None = None
    skipped: tuple[str, ...] = ()
    names: Sequence[str] = ()
    total: int | None = None


#: what the model is given, an array (n, …) or a dictionary of arrays, or None for no right row; and its rows
Read = Iterator[tuple[Any, Piece]]


def read(place: Path, manifest: Manifest, rows: int = sys.maxsize) -> Read:
    """The first rows of a file, or of the files of a folder in the order of their names.

    A file of a folder that cannot be read is `skipped`.

    Raises:
        InputError: the file does not match the model's input, or the folder has none that could.
    """
    if not place.is_dir():
        yield from _read_file(place, manifest, rows)
        return
    known = (*TABLES, *ARRAYS, *IMAGES)
    files = [file for file in sorted(place.rglob("*")) if file.suffix.lower() in known and file.is_file()]
    if not files:
        raise InputError(f"{str(place)!r}: the folder has no {', '.join(known)} file")
    images = [file for file in files if file.suffix.lower() in IMAGES]
    sources: list[Callable[[int], Read]] = [_source(file, place, manifest) for file in files if file not in images]
    if images:
        sources.insert(0, lambda left: _images_of(images[:left], manifest, place))
    count = 0
    for source in sources:
        if count >= rows:
            return
        try:
            for x, piece in source(rows - count):
                yield x, replace(piece, first=count, total=len(images) if len(sources) == 1 and images else None)
                count += piece.count
        except InputError as error:
            yield None, Piece(count, 0, skipped=(str(error),))


def _source(file: Path, folder: Path, manifest: Manifest) -> Callable[[int], Read]:
    """Reads a file of a folder, whose name stands beside its rows."""

    def read_some(left: int) -> Read:
        name = str(file.relative_to(folder))
        for x, piece in _read_file(file, manifest, left):
            numbers = range(piece.first, piece.first + piece.count)
            skipped = tuple(f"{name}: {said}" for said in piece.skipped)
            names = [f"{name}, row {row}" for row in numbers]
            yield x, replace(piece, others=_places([name] * piece.count, numbers), skipped=skipped, names=names)

    return read_some


def _images_of(files: Sequence[Path], manifest: Manifest, folder: Path) -> Read:
    """The images of a folder."""
    for x, piece in _read_images(files, manifest, folder):
        yield x, replace(piece, others=_places(piece.names, [0] * piece.count))


def _places(files: Sequence[str], rows: Sequence[int]) -> pa.Table:
    """What stands beside the rows of a folder: the same columns, whatever kind of file they are from."""
    return pa.table({"file": pa.array(files, pa.string()), "row": pa.array(rows, pa.int64())})


def _read_file(file: Path, manifest: Manifest, rows: int) -> Read:
    suffix = file.suffix.lower()
    # a list of inputs is matched by name as well
    named = manifest.named_inputs or len(manifest.input) > 1
    try:
        if suffix in TABLES:
            for table in first_rows(_table(file, manifest, named), rows):
                piece = Piece(table.first, table.count, table.faults, table.others, table.skipped)
                yield _inputs(_joined(table.arrays, manifest, named), manifest, named), piece
            return
        if suffix in IMAGES:
            yield from _read_images([file][:rows], manifest, file.parent)
            return
        if suffix == ".npz" and named:
            data = read_arrays(file, [entry.name for entry in manifest.input])
        elif suffix in ARRAYS and not named:
            data = {manifest.input[0].name: read_array(file)}
        else:
            kinds = ".csv, .parquet or .npz" if named else ".npy, .npz, .csv, .parquet, .png or .jpeg"
            raise InputError(f"a {kinds} file is wanted, got {suffix or 'no ending'!r}")
        shaped = {entry.name: of_shape(data[entry.name], entry) for entry in manifest.input}
        count = min(rows, len(next(iter(shaped.values()))))
        for first in range(0, max(count, 1), PIECE):
            some = {name: x[first : min(first + PIECE, count)] for name, x in shaped.items()}
            read = min(PIECE, count - first)
            yield _inputs(some, manifest, named), Piece(first, read, total=count)
    except InputError as error:
        raise InputError(f"{str(file)!r}: {error}") from None
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be read: {error.strerror}") from None


def _read_images(files: Sequence[Path], manifest: Manifest, folder: Path) -> Read:
    """The images of files, each of which is a row."""
    form = image_inputs(manifest)
    entry = manifest.input[0]
    # those of any size are given to the model one by one
    most = 1 if form.size is None else max(1, min(PIECE, _IMAGE_BYTES // form.bytes))
    for first in range(0, len(files), most):
        some = files[first : first + most]
        arrays, faults = [], {}
        for row, file in enumerate(some):
            try:
                arrays.append(read_image(file, form))
            except InputError as error:
                faults[row] = str(error)
        names = [str(file.relative_to(folder)) for file in some]
        x = as_input(np.stack(arrays), entry) if arrays else None
        given = x if x is None or not manifest.named_inputs else {entry.name: x}
        others = pa.table({"file": pa.array(names, pa.string())})
        yield given, Piece(first, len(some), faults, others, names=names, total=len(files))


def _inputs(data: Mapping[str, Any], manifest: Manifest, named: bool) -> Any:
    arrays = {entry.name: as_input(data[entry.name], entry) for entry in manifest.input}
    return arrays if named else next(iter(arrays.values()))


def _table(file: Path, manifest: Manifest, named: bool) -> Iterator[Rows]:
    """The rows of a table whose columns are the inputs, or all of them one input."""
    inputs, reading = manifest.input, manifest.reading.model_dump() if manifest.reading else None
    if named:
        for entry in inputs:
            if entry.shape[1:] not in ((), (1,), (None,)):
                raise InputError(f"rows of shape {entry.shape[1:]} are wanted (.npz, an array an input), got a table")
        return read_rows(file, {entry.name: entry.dtype for entry in inputs}, True, reading)
    columns, [entry] = manifest.features, inputs
    if columns is None:
        raise InputError(f"rows of shape {entry.shape[1:]} are wanted (.npy, .npz), got a table")
    return read_rows(file, dict.fromkeys(columns, entry.dtype), False, reading)


def _joined(columns: Mapping[str, Any], manifest: Manifest, named: bool) -> Mapping[str, Any]:
    """The columns by the name of their input."""
    return columns if named else {manifest.input[0].name: np.concatenate(list(columns.values()), axis=1)}
