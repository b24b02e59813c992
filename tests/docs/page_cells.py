"""A page's fenced blocks, run in order: shell commands, and Python as the cells of one notebook.

    python page_cells.py PAGE

`sh` blocks are run by bash, `python` blocks share this process's main module, and a `python title=NAME` block is
written to the file NAME. Whatever fails ends the run, with the line of the page that it is on.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\S+)(?: title=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is that of its first line in the page."""

    kind: str
    title: str | None
    code: str
    line: int


def blocks(page: str) -> Iterator[Block]:
    """All of them, in order."""
    for found in _FENCE.finditer(page):
        yield Block(found[1], found[2], found[3], page.count("\n", 0, found.start()) + 2)


def run(block: Block, name: str) -> None:
    """Raises: whatever the block raises, `CalledProcessError` for a command that fails."""
    if block.title:
        Path(block.title).write_text(block.code, encoding="utf-8")
    elif block.kind == "sh":
        subprocess.run(["bash", "-euo", "pipefail", "-c", block.code], check=True)
    else:
        # so many empty lines that a traceback names the page's own lines
        code = compile("\n" * (block.line - 1) + block.code, name, "exec")
        exec(code, vars(sys.modules["__main__"]))


def main() -> None:
    """Run the page that the command line names."""
    page = Path(sys.argv[1])
    for block in blocks(page.read_text(encoding="utf-8")):
        print(f"--- {page.name}, line {block.line}", flush=True)
        run(block, page.name)


if __name__ == "__main__":
    main()
