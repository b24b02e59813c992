"""The process that computes the baselines beside a sweep: where a core is idle, for a minute at most."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import psutil

from sweeps.data import Dataset, DataSource

#: how the process ends when it has used up its time
OVER_TIME = -signal.SIGXCPU
#: seconds of processor time that baselines still get at the end of a sweep
PATIENCE = 10.0
#: why there is no value of a baseline, which a resumed sweep computes
NOT_IN_TIME = "no core was idle before the sweep ended"
_TOO_LONG = "takes more than a minute"

Found = list[dict[str, Any]]


class BaselineProcess:
    """Computes baselines in a process of its own; a context manager, which ends it.

    Args:
        data: a dataset in memory, or the source that the process loads.
        score: the metric that is asked for, as `sweeps.study.baselines.score_name` gives it; None: the task's own.
        folds: how many the trials have; their mean scores are wanted then.
        seed: of the folds.
    """

    def __init__(self, data: Dataset | DataSource, score: str | None, folds: int = 1, seed: int = 0) -> None:
        self._request = (data, score, folds, seed)
        self._lock = threading.Lock()
        self._found: Found | None = None
        self._late = False
        self._record: Callable[[Found], object] | None = None
        # -P: the working directory may hold modules that have the names of libraries
        command = [sys.executable, "-P", "-m", "sweeps.baselines.child"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is the sweep's. Not a session of its own: Linux gives each an equal share, whatever its priority.
            process_group=0,
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

    def finish(self, seconds: float = PATIENCE) -> None:
        """Wait for them; then those that are ready are recorded, and the others as not ready.

        Args:
            seconds: of processor time that they still get; on a machine that is busy, six times as many seconds pass at
                most.
        """
        with contextlib.suppress(AttributeError, OSError):  # no trial needs the cores any more
            os.sched_setscheduler(self._process.pid, os.SCHED_OTHER, os.sched_param(0))
        spent, deadline = self._processor_time(), time.monotonic() + 6 * seconds
        while self._thread.is_alive() and time.monotonic() < deadline and self._processor_time() - spent < seconds:
            self._thread.join(0.1)
        if self._thread.is_alive():
            self._late = True
            self._process.kill()
            self._thread.join()

    def _processor_time(self) -> float:
        try:
            used = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:  # it has ended
            return 0.0
        return float(used.user + used.system)

    def _communicate(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        lines: list[bytes] = []
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:  # it has ended already
            pickle.dump(self._request, stdin, protocol=pickle.HIGHEST_PROTOCOL)
        with self._process.stdout as stdout:
            lines += stdout
        with self._lock:
            if self._late or self._process.wait() in (0, OVER_TIME):
                self._found = with_skipped(lines, NOT_IN_TIME if self._late else _TOO_LONG)
                if self._record is not None:
                    self._record(self._found)


def with_skipped(lines: Iterable[bytes], reason: str) -> Found:
    """The baselines of the process's output, those that it had no time for among them.

    Args:
        lines: the names of all, then each one's result; the last line may be cut off.
        reason: why the others have no value.
    """
    names, *found = [json.loads(line) for line in lines if line.endswith(b"\n")] or [()]
    skipped = {"scores": {}, "seconds": 0.0, "reason": reason}
    return [*found, *({"name": name, **skipped} for name in names[len(found) :])]
