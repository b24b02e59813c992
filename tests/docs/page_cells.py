"""A page's fenced blocks: collected, and run in order like the cells of a notebook.

    python page_cells.py PAGE [--whole]

`sh` blocks are run by bash, `python` blocks share this process's main module, and any block with a title
(`python title="my_space.py"`) is written to the file of that name. Whatever fails ends the run, with the line of the
page. Blocks after `<!-- not run: REASON -->` are left out. Without `--whole`, numbers of trials are lowered: see
`lowered`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: trials of a study in a run of a page
MOST_TRIALS = 2

_FENCE = re.compile(
    r'^(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?```(?P<kind>\w+)(?: title="(?P<title>[^"\n]+)")?\n(?P<code>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
_TRIALS = re.compile(r"(trials(?: = |[ =]))(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is that of its first line in the page, `reason` says why it is not run."""

    kind: str
    title: str | None
    code: str
    line: int
    reason: str | None = None


def blocks(page: str) -> Iterator[Block]:
    """All of them, in order."""
    for found in _FENCE.finditer(page):
        line = page.count("\n", 0, found.start("code")) + 1
        yield Block(found["kind"], found["title"], found["code"], line, found["reason"])


def lowered(code: str) -> str:
    """The code with at most `MOST_TRIALS` trials: `--trials 20`, `trials=20`, `max_trials=20`, `TRIALS=20`."""
    return _TRIALS.sub(lambda found: f"{found[1]}{min(int(found[2]), MOST_TRIALS)}", code)


def run(block: Block, name: str, whole: bool) -> None:
    """Raises: whatever the block raises, `CalledProcessError` for a command that fails."""
    code = block.code if whole else lowered(block.code)
    if block.title:
        Path(block.title).write_text(code, encoding="utf-8")
    elif block.kind == "sh":
        subprocess.run(["bash", "-euo", "pipefail", "-c", code], check=True)
    elif block.kind == "python":
        # so many empty lines that a traceback names the page's own lines
        compiled = compile("\n" * (block.line - 1) + code, name, "exec")
        exec(compiled, vars(sys.modules["__main__"]))


def main() -> None:
    """Run the page that the command line names."""
    page = Path(sys.argv[1])
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - a notebook imports from its folder
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.reason is None:
            print(f"--- {page.name}, line {block.line}", flush=True)
            run(block, page.name, "--whole" in sys.argv)


if __name__ == "__main__":
    main()
