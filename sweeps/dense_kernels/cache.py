"""Where compiled kernels are kept: in a folder for the sources and the compiler as they are."""

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
    """The folder for this version, made if it was not there; None where none can be written.

    Of a kernel Numba sees changes in its own file, not in those that it calls: so the sources are a part of the name.
    Folders of other versions beside it are removed.
    """
    name = f"{_PREFIX}{_version()}"
    for parent in _parents():
        found = parent / name
        try:
            is_new = not found.is_dir()
            found.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=found).close()
        except OSError:
            continue
        if is_new:
            _forget_others(found)
        return found
    return None


def is_compiled() -> bool:
    """Whether kernels were compiled for this version; for which processor is not known."""
    found = folder()
    python = f"py{sys.version_info[0]}{sys.version_info[1]}"
    return found is not None and any(found.rglob(f"kernels.train-*.{python}*.nbi"))


def discard() -> None:
    """Remove what is kept for this version: it cannot be read."""
    if (found := folder()) is not None:
        shutil.rmtree(found, ignore_errors=True)


def _parents() -> list[Path]:
    """Where the folder may lie: where Numba is told to, beside the sources, among the user's caches."""
    installation = f"sweeps-{hashlib.sha256(bytes(_HERE)).hexdigest()[:12]}"
    user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  # raises without a home
    given = os.environ.get("NUMBA_CACHE_DIR")
    return [*([Path(given) / installation] if given else []), _HERE / "__pycache__", Path(user) / installation]


def _version() -> str:
    content = hashlib.sha256()
    for file in sorted(_HERE.glob("*.py")):
        content.update(file.read_bytes())
    for package in ("numba", "llvmlite"):
        with contextlib.suppress(metadata.PackageNotFoundError):  # nothing will be compiled
            content.update(metadata.version(package).encode())
    return content.hexdigest()[:12]


def _forget_others(kept: Path) -> None:
    for other in kept.parent.glob(f"{_PREFIX}*"):
        if other != kept:
            shutil.rmtree(other, ignore_errors=True)
