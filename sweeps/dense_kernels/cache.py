"""The folder of compiled kernels, one for each version of the sources and the compiler."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from functools import cache
from importlib import metadata
from pathlib import Path

_HERE = Path(__file__).parent
_PREFIX = "kernels-"


@cache
def folder() -> Path | None:
    """The writable folder for this version, created on first use; None where no folder can be written.

    Numba detects changes in a kernel's own file only, so that the name contains a hash of all sources. The folders of
    other versions beside it are removed.
    """
    name = f"{_PREFIX}{_version()}"
    for parent in _parents():
        path = parent / name
        try:
            is_new = not path.is_dir()
            path.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=path).close()
        except OSError:
            continue
        if is_new:
            _remove_other_versions(path)
        return path
    return None


def is_compiled() -> bool:
    """Whether kernels of this version are on disk, for whatever processor."""
    path = folder()
    python = f"py{sys.version_info[0]}{sys.version_info[1]}"
    return path is not None and any(path.rglob(f"kernels.train-*.{python}*.nbi"))


def discard() -> None:
    """Remove the kernels of this version, for example because they cannot be read."""
    if (path := folder()) is not None:
        shutil.rmtree(path, ignore_errors=True)


def _parents() -> list[Path]:
    """Candidates for the folder's parent: Numba's cache folder, beside the sources, the user's cache folder."""
    installation = f"sweeps-{hashlib.sha256(bytes(_HERE)).hexdigest()[:12]}"
    user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  # raises without a home
    numba_dir = os.environ.get("NUMBA_CACHE_DIR")
    return [*([Path(numba_dir) / installation] if numba_dir else []), _HERE / "__pycache__", Path(user) / installation]


def _version() -> str:
    content = hashlib.sha256()
    for file in sorted(_HERE.glob("*.py")):
        content.update(file.read_bytes())
    for package in ("numba", "llvmlite"):
        with contextlib.suppress(metadata.PackageNotFoundError):  # then nothing is compiled
            content.update(metadata.version(package).encode())
    return content.hexdigest()[:12]


def _remove_other_versions(current: Path) -> None:
    for other in current.parent.glob(f"{_PREFIX}*"):
        if other != current:
            shutil.rmtree(other, ignore_errors=True)
