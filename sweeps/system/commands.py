"""Commands in messages: `sweeps …`, or `make …` for a person who has typed that."""

from __future__ import annotations

import os
import shlex

#: targets of the Makefile that are commands for a study
_TARGETS = ("best", "confirm", "report", "export", "tensorboard", "ui", "dashboard")
#: the console script, and where the Makefile installs it, which is in no PATH
PROGRAM, INSTALLED = "sweeps", ".venv/bin/sweeps"


def by_make() -> bool:
    """Whether the command was given as a target of the Makefile."""
    return "SWEEPS_FROM_MAKE" in os.environ


def hint(command: str, study: str = "", *options: str) -> str:
    """A command as the person who reads it types it: `sweeps best STUDY`, or `make best STUDY=STUDY`.

    A command without a target of its own is that of the program which `make` has installed.
    """
    words = [command, *filter(None, [study]), *options]
    if not by_make():
        return shlex.join([PROGRAM, *words])
    if command not in _TARGETS:
        return shlex.join([INSTALLED, *words])
    given = [f"STUDY={study}"] if study else []
    return shlex.join(["make", command, *given, *([f"ARGS={shlex.join(options)}"] if options else [])])


def hints(study: str, *commands: str) -> str:
    """Several commands for a study that may come next, in a line."""
    if by_make():
        return f"{' | '.join(f'make {command}' for command in commands)}   (STUDY={study})"
    return " | ".join(hint(command, "" if command == "ui" else study) for command in commands)
