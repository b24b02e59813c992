"""One hostile input: what lies in the folder, what is typed, what must be said."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

#: a file's content, or what makes the file at the path that it is given
Content = str | bytes | Callable[[Path], object]


@dataclass(frozen=True)
class Hostile:
    """A command that must be refused.

    Attributes:
        arguments: of `sweeps`.
        says: words of the message: the field, the value received, what is allowed.
        files: name -> content, in the current folder.
        code: the exit code: 2 for what was given, 5 for a file or a store that is damaged.
    """

    arguments: tuple[str, ...]
    says: tuple[str, ...]
    files: Mapping[str, Content] = field(default_factory=dict)
    code: int = 2


def hostile(name: str, arguments: list[str], *says: str, code: int = 2, **files: Content) -> Any:
    """A `Hostile` as a parameter called `name`; `_toml="…"` makes the file `_.toml`, `_py` the file `_.py`."""
    there = {key.replace("_", ".", 1) if key.startswith("_") else key: content for key, content in files.items()}
    return pytest.param(Hostile(tuple(arguments), says, there, code), id=name)


def write(folder: Path, files: Mapping[str, Content]) -> None:
    """Put the files into the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


def contents(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Everything in the folder: mode, size and when it was last written, by path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = os.lstat(path)
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found
