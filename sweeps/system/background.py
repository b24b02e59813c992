"""A sweep that runs in the background of this machine: its process, and the file that it prints to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from sweeps.system.atomic_files import atomic_write

#: the files in a study's folder
_PROCESS, OUTPUT, _BEGUN = "background.json", "background.log", "background.begun"
#: the variable that names the file by which a sweep says that its trials begin
_VARIABLE = "SWEEPS_BACKGROUND"


@dataclass(frozen=True)
class Background:
    """The process of a sweep that runs, or has run, in the background.

    Attributes:
        output: the file that it prints to.
    """

    process: psutil.Process
    output: Path

    def is_running(self) -> bool:
        """Whether it has not ended."""
        try:  # a zombie has ended; its parent, the caller of `sweeps run`, may live on
            return bool(self.process.is_running()) and self.process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def has_begun(self) -> bool:
        """Whether it has said that its trials begin."""
        return (self.output.parent / _BEGUN).exists()

    def stop(self) -> None:
        """Tell it to end in order."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self.process.send_signal(signal.SIGTERM)  # SIGINT is ignored by what a script has started with `&`

    def forget(self) -> None:
        """Remove its files, and the study's folder if it has no others."""
        for name in (_PROCESS, OUTPUT, _BEGUN):
            (self.output.parent / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.output.parent.rmdir()


def begin(folder: Path, arguments: Sequence[str]) -> tuple[Background, subprocess.Popen[bytes]]:
    """Start `sweeps …` in a session of its own, which outlives this process and its terminal.

    Args:
        folder: the study's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    output, begun = folder / OUTPUT, folder / _BEGUN
    begun.unlink(missing_ok=True)
    with output.open("wb") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", "sweeps", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1", _VARIABLE: str(begun)},
            start_new_session=True,
        )
    process = psutil.Process(child.pid)
    with atomic_write(folder / _PROCESS) as file:
        file.write(json.dumps({"pid": child.pid, "started": process.create_time()}).encode())
    return Background(process, output), child


def say_begun() -> None:
    """In a sweep: its trials begin; whoever has started it in the background need not wait any more."""
    if name := os.environ.pop(_VARIABLE, None):
        Path(name).touch()


def found(folder: Path) -> Background | None:
    """The last sweep of a study that was started so; None: there is none, or its process has ended."""
    try:
        known = json.loads((folder / _PROCESS).read_text(encoding="utf-8"))
        process = psutil.Process(int(known["pid"]))
        if abs(process.create_time() - float(known["started"])) > 1:  # another process has its number
            return None
    except (OSError, ValueError, KeyError, psutil.Error):
        return None
    made = Background(process, folder / OUTPUT)
    return made if made.is_running() else None
