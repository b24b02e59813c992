"""The files of `keras.datasets`, in Keras's own folder.

They are read from where Keras keeps them, and fetched from where Keras fetches them, but not by
`keras.utils.get_file`: that one imports TensorFlow (4 s), passes over a home that it may not write to, waits
for a silent server without end, and writes into place, so that a second process or the next start finds half
a file.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from sweeps.errors import InputError
from sweeps.system.atomic_files import atomic_write
from sweeps.system.file_checks import check_file

_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TIMEOUT = 10  # seconds without a byte
_LARGEST = 2**26
WITHOUT = "DATASET=digits needs no file."


def keras_files(subfolder: str, sums: Mapping[str, str]) -> dict[str, Path]:
    """Name -> path of each file of a dataset, fetched first where it is not there.

    Args:
        subfolder: of ``$KERAS_HOME/datasets`` (without the variable: ``~/.keras/datasets``).
        sums: name -> SHA-256 of what is fetched. Files that lie there already are the reader's to check.

    Raises:
        InputError: a file is not there and cannot be fetched: which, where to put it, and what needs none.
    """
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    folder = home / "datasets" / subfolder
    missing = [name for name in sums if not (folder / name).exists()]
    try:
        for name in missing:
            _store(_fetch(name, sums[name]), folder / name)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise InputError(
            f"{', '.join(missing)} not found, and no download: {reason}.\n"
            f"Put {'it' if len(missing) == 1 else 'them'} into {str(folder)!r}; {WITHOUT}"
        ) from None
    paths = {name: folder / name for name in sums}
    for path in paths.values():
        try:
            check_file(path)
        except InputError as error:
            raise damaged(path, error) from None
    return paths


def damaged(path: Path, reason: object) -> InputError:
    """What to do about a file that lies there but cannot be read."""
    return InputError(
        f"{str(path)!r} is damaged: {reason}.\nDelete it to have it fetched again, or put a valid one there; {WITHOUT}"
    )


def _fetch(name: str, sha256: str) -> bytes:
    with urllib.request.urlopen(_ORIGIN + name, timeout=_TIMEOUT) as response:
        content: bytes = response.read(_LARGEST)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"what was fetched as {name} is not that file ({len(content)} bytes)")
    return content


def _store(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(content)
