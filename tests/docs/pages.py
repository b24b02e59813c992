"""The pages whose blocks are tested, the commands in them, and a folder in which a page is run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from page_cells import Block, blocks
from support import ROOT, Workspace

#: every page that a reader may copy commands from; a new page in docs/ is among them without further ado
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
#: the variables that `make` takes
VARIABLES = set(re.findall(r"^GIVEN := (.*)$", MAKEFILE, re.MULTILINE)[0].split())


def name_of(page: Path) -> str:
    """`docs/search.md`."""
    return str(page.relative_to(ROOT))


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page."""
    return list(blocks(page.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Command:
    """A line of a shell block; `place` is the page with the line."""

    words: tuple[str, ...]
    place: str


def commands() -> Iterator[Command]:
    """The lines of all shell blocks, those that are not run too."""
    for page in PAGES:
        for block in blocks_of(page):
            if block.kind != "sh":
                continue
            # a line that ends with a backslash goes on in the next one
            for line in re.finditer(r"^(?:.*\\\n)*.+$", block.code, re.MULTILINE):
                if words := shlex.split(line[0].replace("\\\n", ""), comments=True):
                    number = block.line + block.code.count("\n", 0, line.start())
                    yield Command(tuple(words), f"{name_of(page)}:{number}")


def one_core() -> list[str]:
    """Has a command run on one core, where a sweep of two trials starts one worker instead of two."""
    cores = sorted(os.sched_getaffinity(0))
    core = cores[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % len(cores)]
    return ["taskset", "-c", str(core)] if shutil.which("taskset") else []


def run_page(page: Path, workspace: Workspace, *options: str) -> str:
    """Run the blocks of a page in an empty folder in which `sweeps`, `python` and `make` are this checkout's.

    Returns:
        What they printed.
    """
    folder = workspace.folder
    binaries = folder / ".venv" / "bin"
    binaries.mkdir(parents=True)
    for name, start in (("sweeps", "-m sweeps"), ("python", "")):
        (binaries / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {start} "$@"\n')
        (binaries / name).chmod(0o755)
    for file in ("pyproject.toml", "constraints.txt"):
        (folder / file).touch()
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / ".venv" / "installed").touch()  # last: so make has nothing to install
    of_make = VARIABLES | {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}
    environment = {name: value for name, value in workspace.environment.items() if name not in of_make}
    environment["PATH"] = f"{binaries}:{os.environ['PATH']}"
    command = [sys.executable, str(ROOT / "tests" / "docs" / "page_cells.py"), str(page), *options]
    if "--whole" not in options:
        command = [*one_core(), *command]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout
