"""Makes docs/sweep.svg: what a terminal shows of `sweeps run`, recorded from a real sweep."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rich.console import Console

from sweeps.cli.sweep_view import run_sweep
from sweeps.config import load_config

DOCS = Path(__file__).parent


def main() -> None:
    """Run a sweep in a temporary folder and save what it shows."""
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        os.chdir(folder)
        console = Console(record=True, width=140, file=nowhere)
        console.print("$ sweeps run", highlight=False)
        run_sweep(load_config({}), console)
        console.save_svg(str(DOCS / "sweep.svg"), title="sweeps run")


if __name__ == "__main__":
    main()
