"""Standard output that may be closed, full, or read by nobody."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_closed_streams() -> None:
    """Give a process that was started with closed streams (`>&-`) empty ones.

    Python has None for them, and the next file that is opened would have the descriptor that libraries print to.
    """
    for descriptor, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
            os.set_inheritable(descriptor, True)  # workers print, too
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115


def print_any_text() -> None:
    """Print `?` for what a stream's encoding has no character for, in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def drop(stream: Any) -> None:
    """Let what is written to a broken stream, and what is left in its buffer, go nowhere."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class LastingOutput:
    """A stream to which a long run reports: once it cannot be written to, the run goes on without it.

    Args:
        stream: None where it was closed before Python started.
    """

    def __init__(self, stream: Any) -> None:
        self._stream, self._broken = stream, stream is None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, unless nobody can read it."""
        if not self._broken:
            with self._lasting():
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, unless nobody can read it."""
        if not self._broken:
            with self._lasting():
                self._stream.flush()

    @contextlib.contextmanager
    def _lasting(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError):  # a pipe without a reader, a full disk; a closed file
            self._broken = True
            drop(self._stream)
