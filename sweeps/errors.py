"""The exceptions of `sweeps`, each with the exit code that the command line ends with.

    SweepError
    ├── InputError            2    the input is wrong; nothing was written
    │   ├── NoModel                a space cannot build or train a model with these hyperparameters
    │   └── UnsavedModel           its models cannot be saved, or not loaded again
    ├── TrialsFailed          3    too many trials failed in a row, or one failed for good
    ├── BackendUnreachable    4    a tracking server, a storage or a scheduler does not answer
    │   └── MachineFault           a full disk or a file limit, which would end every other trial too
    ├── CorruptStore          5    a store or a file was changed or damaged after it was written
    └── Interrupted           130  by Ctrl-C (143: by SIGTERM, 129: by the closing of the terminal)

A message is one or two lines: what was given, what is allowed, what to do.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

#: full disk or quota, file size limit (`ulimit -f`), failing disk, read-only disk
_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


class SweepError(Exception):
    """Base of all errors with a message for the user. Passwords in URIs are masked."""

    exit_code = 1
    #: the class of `keras_tuner.errors` that the user's code raised to end the search, such as "FatalValueError"
    fatal: str | None = None

    def __init__(self, *messages: str) -> None:  # two, where Dask has cut a long message
        super().__init__(*map(without_passwords, messages))

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback (IPython asks for it): the message says what to do."""
        return f"{type(self).__name__}: {self}".splitlines()


class InputError(SweepError, ValueError):
    """The input is wrong: an option, a file, a dataset, a build function.

    A ValueError: Keras and KerasTuner raise that, and scripts catch it.
    """

    exit_code = 2


class NoModel(InputError):
    """A space cannot build or train a model with the current hyperparameters; others may work."""


class UnsavedModel(InputError):
    """The models of a space cannot be saved, or what is saved cannot be loaded, or computes something else."""


class TrialsFailed(SweepError):
    """More trials failed than allowed, the trial to continue failed, or one failed for good (`FatalError`)."""

    exit_code = 3


class BackendUnreachable(SweepError):
    """A tracking server, a storage or a scheduler does not answer."""

    exit_code = 4


class MachineFault(BackendUnreachable):
    """This machine cannot write files."""


class CorruptStore(SweepError):
    """A store or a file is corrupt."""

    exit_code = 5


class Interrupted(SweepError):
    """Ended by a signal; `signum` 2 (Ctrl-C), 15 (SIGTERM) or 1 (SIGHUP) gives exit code 130, 143 or 129."""

    def __init__(self, message: str, signum: int = 2) -> None:
        super().__init__(message)
        self.exit_code = 128 + signum


def machine_fault(error: BaseException) -> str | None:
    """The machine's fault behind an error, such as a full disk; None when the error has another cause."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError):
            for code in _FAULTS:
                # HDF5's errors have no errno
                if cause.errno == code or os.strerror(code) in str(cause):
                    said = cause.strerror or os.strerror(code)
                    return f"{said}: {cause.filename}" if cause.filename else str(cause)
        cause = cause.__cause__ or cause.__context__
    return None


def comes_of(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether an error or one of its causes is of that kind."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__
    return cause is not None


def unknown(what: str, name: str, known: Iterable[str]) -> InputError:
    """An `InputError` for an unknown name, with the nearest match and all allowed names."""
    names = sorted(known)
    if not names:
        return InputError(f"unknown {what} {name!r}: there is none yet")
    return InputError(f"unknown {what} {name!r}.{did_you_mean(name, names)}\nAllowed: {', '.join(names)}")


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """`` Did you mean 'NAME'?`` with the nearest known name; empty when none is near."""
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


def not_importable(error: BaseException) -> BackendUnreachable:
    """The error for an installed package whose import fails."""
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return BackendUnreachable(
        f"an installed package cannot be imported: {reason}\n"
        "Raise the limits of memory and open files (ulimit -v, ulimit -n), or install it again"
    )


def shown(value: object) -> str:
    """`repr(value)` for a message; a long one is cut after 60 characters."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:60]}… ({len(text)} characters)"


def shortened(names: Sequence[str], most: int = 5) -> str:
    """The first `most` names, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def without_passwords(text: str) -> str:
    """The text with `***` for each password in a URI: database drivers print URIs in their errors."""
    text = re.sub(r"(://[^/\s:@]*):[^/\s]*@", r"\1:***@", text)
    return re.sub(r"([?&]password=)[^&\s]+", r"\1***", text)
