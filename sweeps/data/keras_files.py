"""The files of `keras.datasets`, in Keras's own folder.

They are read and downloaded from the same places as with `keras.utils.get_file`, but not by it: that function imports
TensorFlow (4 s), ignores a home folder that it may not write to, waits for a silent server without a timeout, and
writes in place, so that other processes can read half a file.
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
_MAX_BYTES = 2**26
NO_DOWNLOAD = "DATASET=digits needs no file."


def keras_files(subfolder: str, checksums: Mapping[str, str]) -> dict[str, Path]:
    """The paths of a dataset's files by name; missing files are downloaded.

    Args:
        subfolder: of ``$KERAS_HOME/datasets`` (by default ``~/.keras/datasets``).
        checksums: name -> SHA-256 of a download. The reader checks files that exist.

    Raises:
        InputError: a file is missing and cannot be downloaded. The message says where to put it.
    """
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    folder = home / "datasets" / subfolder
    paths = {name: folder / name for name in checksums}
    missing = [name for name, path in paths.items() if not path.exists()]
    try:
        for name in missing:
            content = _download(name, checksums[name])
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(paths[name]) as file:
                file.write(content)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise InputError(
            f"{', '.join(missing)} not found, and no download: {reason}.\n"
            f"Put {'it' if len(missing) == 1 else 'them'} into {str(folder)!r}; {NO_DOWNLOAD}"
        ) from None
    for path in paths.values():
        try:
            check_file(path)
        except InputError as error:
            raise damaged(path, error) from None
    return paths


def damaged(path: Path, reason: object) -> InputError:
    """The error for a file that exists but cannot be read."""
    return InputError(
        f"{str(path)!r} is damaged: {reason}.\n"
        f"Delete it to download it again, or replace it by a valid one; {NO_DOWNLOAD}"
    )


def _download(name: str, sha256: str) -> bytes:
    with urllib.request.urlopen(_ORIGIN + name, timeout=_TIMEOUT) as response:
        content: bytes = response.read(_MAX_BYTES)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"the download of {name} is not that file ({len(content)} bytes)")
    return content
