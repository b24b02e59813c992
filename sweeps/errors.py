"""What can go wrong, as a tree; each branch has the exit code that the command line ends with.

    SweepError
    ├── InputError            2    what was given is wrong; nothing was written
    │   └── NoModel                a space does not build, or its model does not train, with the values at hand
    ├── TrialsFailed          3    too many trials failed in a row, or one whose failure ends it all
    ├── BackendUnreachable    4    a tracking server, a storage or a scheduler does not answer
    │   └── MachineFault           a disk is full, a limit on files is met: no other trial would end better
    ├── CorruptStore          5    a store or a file is not what it was when it was written
    └── Interrupted           130  by Ctrl-C (143: by SIGTERM)

A message is one or two lines: what was given, what is allowed, what to do.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from difflib import get_close_matches

#: a disk or a quota is full, a file may not grow (`ulimit -f`), a disk fails or can only be read
_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


class SweepError(Exception):
    """Base of all errors that a person is meant to read; a password in a URI is left out of what they say."""

    exit_code = 1

    def __init__(self, *said: str) -> None:  # two, where Dask has cut a long message
        super().__init__(*map(without_passwords, said))


class InputError(SweepError):
    """What was given is wrong: a flag, a file, a data set, a build function."""

    exit_code = 2


class NoModel(InputError):
    """A space does not build a model that trains, with the values at hand; with others it may."""


class TrialsFailed(SweepError):
    """Trials failed beyond the limit; the one that was to be trained on did; or one did for good (`FatalError`)."""

    exit_code = 3


class BackendUnreachable(SweepError):
    """A tracking server, a storage or a scheduler is out of reach."""

    exit_code = 4


class MachineFault(BackendUnreachable):
    """This machine cannot write what is to be kept."""


class CorruptStore(SweepError):
    """A store or a file is corrupt."""

    exit_code = 5


class Interrupted(SweepError):
    """Ended by a signal; `signum` 2 (Ctrl-C) or 15 (SIGTERM) gives exit code 130 or 143."""

    def __init__(self, message: str, signum: int = 2) -> None:
        super().__init__(message)
        self.exit_code = 128 + signum


def machine_fault(error: BaseException) -> str | None:
    """What is wrong with the machine, where an error comes of that; None where it does not."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError):
            for code in _FAULTS:
                # HDF5's errors have no number
                if found.errno == code or os.strerror(code) in str(found):
                    return f"{os.strerror(code)}: {found.filename}" if found.filename else str(found)
        found = found.__cause__ or found.__context__
    return None


def unknown(what: str, name: str, known: Iterable[str]) -> InputError:
    """An `InputError` for a name that is not known, with the nearest match and all that are allowed."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return InputError(f"unknown {what} {name!r}.{hint}\nAllowed: {', '.join(names)}")


def not_importable(error: BaseException) -> BackendUnreachable:
    """The error for an installed package whose import fails: of what this machine allows, or of the installation."""
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return BackendUnreachable(
        f"an installed package cannot be imported: {reason}\n"
        "Raise the limits of memory and open files (ulimit -v, ulimit -n), or install it again"
    )


def shown(value: object) -> str:
    """`value` in a message: of a long one its beginning."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:60]}… ({len(text)} characters)"


def without_passwords(text: str) -> str:
    """The text, with `***` where a URI in it holds a password: those of databases are printed by what uses them."""
    text = re.sub(r"(://[^/\s:@]*):[^/\s]*@", r"\1:***@", text)
    return re.sub(r"([?&]password=)[^&\s]+", r"\1***", text)
