"""Writing so that a reader sees the whole or nothing: to a temporary neighbour, synced, renamed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sweeps.errors import InputError
from sweeps.system.locks import exclusive, exclusive_if_free


@contextlib.contextmanager
def new_folder(path: Path, replace: bool) -> Iterator[Path]:
    """A temporary folder that becomes `path` when the block ends well, and is removed otherwise.

    Raises:
        InputError: `path` is there and is not to be replaced.
    """
    if path.exists() and not replace:
        raise InputError(f"{path} is there already; --force replaces it")
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    made.chmod(0o755)
    with exclusive(made):  # until it has its name: see `is_left`
        try:
            yield made
            for file in made.rglob("*"):
                if file.is_file():
                    _sync(file)
            old = made.with_name(made.name + "-old")
            if path.exists():
                path.rename(old)
            made.rename(path)
            shutil.rmtree(old, ignore_errors=True)
            _sync(path.parent)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise


def is_left(folder: Path) -> bool:
    """Whether the process that made this temporary folder is gone."""
    with exclusive_if_free(folder) as is_free:
        return is_free


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """A temporary file that takes the place of `path` when the block ends well, and is removed otherwise."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    # not by `tempfile`, whose files nobody else may read
    with temporary.open("xb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_json(path: Path, document: object) -> None:
    """A JSON file for people and programs."""
    path.write_text(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """The file's SHA-256, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
