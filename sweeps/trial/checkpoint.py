"""Checkpoints: what a training needs to go on, as one file of arrays and a document; nothing is pickled."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from sweeps.system.atomic_files import atomic_write

Array = np.ndarray[Any, np.dtype[Any]]


class Checkpoints:
    """Where checkpoints are kept, one a trial, by its number: a folder, which need not be there yet.

    Checkpoints are nested dictionaries, lists and tuples of numbers, strings, None and NumPy arrays. A file is an
    uint8 array, the document as JSON, and after it the arrays that the document refers to, each as `numpy.save`
    writes them: a zip's checksums would take as long as the rest.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, number: int, attempt: int) -> None:
        """An attempt at a trial begins: what an earlier one has left is to be here.

        Args:
            number: of the first attempt.
        """

    def save(self, number: int, checkpoint: object) -> None:
        """Replace the trial's checkpoint; a reader sees the former one or this one, whole.

        Raises:
            TypeError: something in it is of another type.
            OSError: it cannot be written.
        """
        arrays: list[Array] = []
        self.write(number, json.dumps(encode(checkpoint, arrays)), arrays)

    def write(self, number: int, document: str, arrays: Sequence[Array]) -> None:
        """The part of `save` that waits for the disk.

        Raises:
            OSError: it cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._path(number)) as file:
            _write(file, document, arrays)

    def put(self, number: int, content: bytes) -> None:
        """Replace the trial's checkpoint by one that another machine has made, see `content_of`.

        Raises:
            OSError: it cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._path(number)) as file:
            file.write(content)

    def content(self, number: int) -> bytes | None:
        """The file of a trial's checkpoint; None where there is none."""
        try:
            return self._path(number).read_bytes()
        except FileNotFoundError:
            return None

    def load(self, number: int) -> Any:
        """What was saved last for the trial; None where nothing was.

        Raises:
            ValueError: the file is damaged.
        """
        content = self.content(number)
        return None if content is None else decoded(content)

    def keep(self, numbers: Collection[int]) -> None:
        """Remove all but those of `numbers`, and what interrupted writes have left."""
        for path in self._folder.glob("*"):
            number, _, rest = path.name.partition(".")
            if rest != "checkpoint" or int(number) not in numbers:
                path.unlink(missing_ok=True)

    def forget(self, number: int) -> None:
        """Remove the trial's checkpoint if there is one."""
        self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.checkpoint"


def content_of(document: str, arrays: Sequence[Array]) -> bytes:
    """A checkpoint as the content of a file."""
    file = io.BytesIO()
    _write(file, document, arrays)
    return file.getvalue()


def decoded(content: bytes) -> Any:
    """The checkpoint in the content of a file.

    Raises:
        ValueError: it is damaged.
    """
    file, arrays = io.BytesIO(content), []
    while file.tell() < len(content):
        arrays.append(np.lib.format.read_array(file, allow_pickle=False))
    try:
        return _decode(json.loads(arrays[0].tobytes()), arrays[1:])
    except IndexError:
        raise ValueError(f"it has been cut off after {len(arrays)} arrays") from None


def _write(file: IO[bytes], document: str, arrays: Sequence[Array]) -> None:
    for array in (np.frombuffer(document.encode(), np.uint8), *arrays):
        np.save(file, array, allow_pickle=False)


def encode(value: Any, arrays: list[Array]) -> Any:
    """`value` as JSON; its arrays are appended to `arrays` and referred to by their place.

    Raises:
        TypeError: something in it is neither a number, a string, None, an array, nor a list, tuple or dictionary.
    """
    if value is None or (isinstance(value, bool | int | float | str) and type(value).__module__ == "builtins"):
        return value
    if isinstance(value, np.ndarray | np.generic) and value.dtype != object:
        arrays.append(np.asarray(value))
        return {"array" if isinstance(value, np.ndarray) else "scalar": len(arrays) - 1}
    if type(value) is list:
        return [encode(one, arrays) for one in value]
    if type(value) is tuple:
        return {"tuple": [encode(one, arrays) for one in value]}
    if type(value) is dict:
        return {"dict": [[encode(key, arrays), encode(one, arrays)] for key, one in value.items()]}
    raise TypeError(f"a checkpoint holds numbers, strings, None, arrays and containers of them, got {type(value)}")


def _decode(value: Any, arrays: list[Array]) -> Any:
    if isinstance(value, list):
        return [_decode(one, arrays) for one in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tuple":
        return tuple(_decode(one, arrays) for one in content)
    if kind == "dict":
        return {_decode(key, arrays): _decode(one, arrays) for key, one in content}
    return arrays[content] if kind == "array" else arrays[content][()]
