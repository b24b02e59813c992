"""A space in files of the driver's machine, for workers of other machines: the sources travel."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sweeps.space.source_digests import source_files

_PREFIX = "sweeps-space-"


@dataclass(frozen=True)
class ShippedSpace:
    """The file of a space, and the user's modules that it imports.

    Attributes:
        main: the file's name, by its place in `files`; or the module's.
        attribute: the function or class in it.
        files: relative path and content of each.
    """

    main: str
    attribute: str
    files: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, space: str) -> ShippedSpace | None:
        """The sources of `path/to/file.py:name` or `module:name`; None for a module of an installed package."""
        module, _, attribute = space.rpartition(":")
        files = source_files(space)
        if not files:
            return None
        main = str(files[0][0]) if module.endswith(".py") else module
        return cls(main, attribute, tuple((str(place), file.read_bytes()) for place, file in files))

    def unpacked(self) -> str:
        """The name of the space on this machine, once its files are there."""
        folder = _unpacked(self.files)
        if self.main.endswith(".py"):
            return f"{folder / self.main}:{self.attribute}"
        return f"{self.main}:{self.attribute}"


@lru_cache(maxsize=1)
def _unpacked(files: tuple[tuple[str, bytes], ...]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    for place, content in files:
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    # before what this machine has of the same names, and without the modules of a space that was sent before
    sys.path[:] = [str(folder), *(place for place in sys.path if not Path(place).name.startswith(_PREFIX))]
    return folder
