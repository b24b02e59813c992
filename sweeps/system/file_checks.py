"""What must hold of a file before its content is read."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from sweeps.errors import InputError

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def check_file(path: Path) -> int:
    """The size in bytes of the regular file that `path` names, links followed.

    Nothing is opened: a pipe without a writer would block for ever.

    Raises:
        InputError: it is missing, empty, out of reach, or no regular file.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise InputError(f"no such file{_near(path)}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(f"the file cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(status.st_mode):
        raise InputError("a file is needed, got a folder")
    if not stat.S_ISREG(status.st_mode):
        raise InputError("a regular file is needed, got a pipe, socket or device")
    if status.st_size == 0:
        raise InputError("the file is empty")
    if not os.access(path, os.R_OK):
        raise InputError("the file cannot be read: Permission denied")
    return status.st_size


def _near(path: Path) -> str:
    """The same name with another case or ending, when it lies beside."""
    if not path.parent.is_dir():
        return f"; there is no folder {str(path.parent)!r}"
    beside = []
    with contextlib.suppress(OSError):  # a folder that may not be listed
        beside = [other.name for other in path.parent.iterdir() if other.stem.lower() == path.stem.lower()]
    return f"; did you mean {sorted(beside)[0]!r}, beside it?" if beside else ""


def memory_limit() -> int:
    """Bytes that a dataset may take: half of the machine's memory, or of the container's share of it."""
    limit = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        limit = min(limit, int(_CGROUP_LIMIT.read_text()))
    return limit // 2


def check_memory(needed: int) -> None:
    """Refuse to read what does not fit, before reading it.

    Raises:
        InputError: `needed` bytes are more than `memory_limit`.
    """
    if needed > (limit := memory_limit()):
        raise InputError(
            f"{limit / 2**30:.1f} GiB (half of the memory) may be taken, this takes {needed / 2**30:.1f} GiB"
        )
