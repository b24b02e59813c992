"""The process that computes the baselines beside a sweep: low priority, a minute of processor time at most."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from sweeps.data import Dataset, DataSource

#: how the process ends when it has used up its time
OVER_TIME = -signal.SIGXCPU
#: seconds that the end of a sweep waits for baselines that are not ready
PATIENCE = 10.0

Found = list[dict[str, Any]]


class BaselineProcess:
    """Computes baselines in a process of its own; a context manager, which ends it.

    Args:
        data: a dataset in memory, or the source that the process loads.
        score: the metric that is asked for, as `sweeps.study.baselines.score_name` gives it; None: the task's own.
    """

    def __init__(self, data: Dataset | DataSource, score: str | None) -> None:
        self._request = (data, score)
        self._lock = threading.Lock()
        self._found: Found | None = None
        self._record: Callable[[Found], object] | None = None
        # -P: the working directory may hold modules that have the names of libraries
        command = [sys.executable, "-P", "-m", "sweeps.baselines.child"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is the sweep's
        )
        self._thread = threading.Thread(target=self._communicate, name="baselines", daemon=True)
        self._thread.start()

    def __enter__(self) -> BaselineProcess:
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._record = None
        self._process.kill()
        self._process.wait()
        self._thread.join()

    def record(self, function: Callable[[Found], object]) -> None:
        """Have `function` called with the baselines once they are computed, from another thread; now, if they are."""
        with self._lock:
            if self._found is None:
                self._record = function
            else:
                function(self._found)

    def wait(self, seconds: float = PATIENCE) -> bool:
        """Whether they have been computed, and recorded, within this time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _communicate(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            with self._process.stdin as stdin, self._process.stdout as stdout:
                pickle.dump(self._request, stdin, protocol=pickle.HIGHEST_PROTOCOL)
                stdin.close()
                found = with_skipped(stdout)
        except (OSError, ValueError):  # it was ended in the middle of a line
            return
        with self._lock:
            if self._process.wait() in (0, OVER_TIME):
                self._found = found
                if self._record is not None:
                    self._record(found)


def with_skipped(lines: Iterable[str | bytes]) -> Found:
    """The baselines of the process's output, those that it had no time for among them."""
    names, *found = [json.loads(line) for line in lines] or [()]
    skipped = {"scores": {}, "seconds": 0.0, "reason": "takes more than a minute"}
    return [*found, *({"name": name, **skipped} for name in names[len(found) :])]
