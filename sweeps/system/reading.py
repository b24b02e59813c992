"""Small files that a person names: looked at before they are opened, read as UTF-8."""

from __future__ import annotations

from pathlib import Path

from sweeps.errors import InputError
from sweeps.system.file_checks import check_file

_LARGEST = 2**24


def read_text(option: str, path: Path) -> str:
    """The whole text of the file that an option names; a byte-order mark is left out, as Windows writes it.

    Raises:
        InputError: it is missing, empty, no regular file, of more than 16 MiB, or not UTF-8.
    """
    try:
        size = check_file(path)
        if size > _LARGEST:
            raise InputError(f"{_LARGEST} bytes at most are read, it has {size}")
        return path.read_text(encoding="utf-8-sig")
    except (InputError, UnicodeDecodeError) as error:
        raise InputError(f"{option}: {str(path)!r}: {error}") from None
    except OSError as error:
        raise InputError(f"{option}: {str(path)!r} cannot be read: {error.strerror}") from None
