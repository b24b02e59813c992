"""How a worker process ended: Dask's nanny is its parent and knows, but tells nobody."""

from __future__ import annotations

import signal
import time

from distributed import Nanny

OUT_OF_MEMORY = "out of memory"
#: the exit code that Dask gives where a process's parent, which would know it, is gone
UNKNOWN = 255

#: by the nanny's address, how its last worker process ended: its exit code, or a signal's number, negative
_exits: dict[str, int] = {}


class ObservantNanny(Nanny):  # type: ignore[misc]
    """A nanny of this process that keeps how its worker ended.

    Attributes:
        at_rest: no sweep uses the worker; one that dies is not replaced.
    """

    at_rest = False

    def _on_worker_exit_sync(self, exitcode: int) -> None:
        _exits[self.address] = exitcode
        if self.at_rest:
            self.close_gracefully()
        super()._on_worker_exit_sync(exitcode)


def exit_reason(nanny: str | None, patience: float = 2.0) -> str:
    """What is known of the end of a nanny's worker, as a sentence's end.

    Args:
        nanny: its address.
        patience: seconds to wait for it: the scheduler may know of a death before the nanny does.
    """
    deadline = time.monotonic() + patience
    while (code := _exits.pop(nanny or "", None)) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    if code is None:
        return "its worker process died, or was cut off"
    if code == UNKNOWN:
        return "its worker process ended with the process that it was forked from"
    if code >= 0:
        return f"its worker process left with exit code {code}"
    guess = f", probably {OUT_OF_MEMORY}" if -code == signal.SIGKILL else f" ({signal.strsignal(-code)})"
    return f"its worker process was killed by signal {-code}{guess}"
