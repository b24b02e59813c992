"""A `sweeps run` of any commit, watched from outside: its lines with their times, its processes with their memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil

from benchmarks import no_op
from benchmarks.processes import environment, last_line

#: `3/20  trial 2 COMPLETE best_val_accuracy=0.9  0.1 s`
_TRIAL = re.compile(r"\btrial (\d+) (COMPLETE|PRUNED)\b")
SPACE = f"{Path(no_op.__file__)}:NoOp"


class Watched:
    """A running `sweeps run`.

    Attributes:
        ends: seconds from its start to the line of each trial that ended well, in their order.
        lines: all that it has printed.
        folder: where it runs, with its workspace `runs`.
    """

    def __init__(self, command: list[str], folder: Path, env: Mapping[str, str]) -> None:
        self.ends: list[float] = []
        self.lines: list[str] = []
        self.folder = folder
        self._marks = Path(env[no_op.MARKS])
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.root = psutil.Process(self._process.pid)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def workers(self) -> set[int]:
        """The processes that have begun a trial, ended ones too."""
        return {int(mark.name) for mark in self._marks.iterdir()}

    def processes(self) -> list[psutil.Process]:
        """All that live now, the driver first."""
        with suppress(psutil.NoSuchProcess):
            return [self.root, *self.root.children(recursive=True)]
        return []

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def wait(self, until: Callable[[], bool] | None = None, limit: float = 600) -> bool:
        """Wait until something holds, or the sweep has ended; whether it does in time.

        Args:
            until: None: that it has ended.
            limit: seconds.
        """
        deadline = time.perf_counter() + limit
        while time.perf_counter() < deadline:
            if until is not None and until():
                return True
            if self.is_over():
                self._reader.join(10)
                return until is None or until()
            time.sleep(0.01)
        return False

    def end(self) -> int:
        """End it, if it still runs; its exit code."""
        if not self.is_over():
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # the group is its own
        self._reader.join(10)
        return self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)
            if _TRIAL.search(line):
                self.ends.append(time.perf_counter() - self.began)


@contextmanager
def sweep(
    code: Path, *options: str, space: str = SPACE, prepare: Callable[[], None] = lambda: None, seconds: float = 0
) -> Iterator[Watched]:
    """A sweep in a workspace of its own, which is removed afterwards.

    Args:
        code: the root of the commit that runs.
        space: `mlp`, or one that takes the rows of a small file.
        prepare: called in the environment of that workspace, before the sweep begins.
        seconds: of a trial of `no_op.NoOp`.
    """
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        marks = folder / "marks"
        marks.mkdir()
        rows = np.random.default_rng(0).random((64, no_op.COLUMNS), dtype=np.float32)
        np.savez(folder / "rows.npz", x=rows, y=np.arange(64) % 2)
        env = environment(folder) | {"PYTHONPATH": str(code), no_op.MARKS: str(marks), no_op.SECONDS: str(seconds)}
        data = [] if space == "mlp" else ["--dataset", str(folder / "rows.npz")]
        command = [sys.executable, "-m", "sweeps", "run", "bench", "--space", space, *data, *options]
        before = dict(os.environ)
        os.environ.update(env)
        try:
            prepare()
        finally:
            os.environ.clear()
            os.environ.update(before)
        watched = Watched(command, folder, env)
        try:
            yield watched
        finally:
            watched.end()


def megabytes(processes: list[psutil.Process]) -> float:
    """Their proportional set size: memory that several share is counted once."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            total += process.memory_full_info().pss
    return total / 2**20


def failure(watched: Watched) -> str:
    """The last line that it has printed."""
    return last_line("".join(watched.lines))
