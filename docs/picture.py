"""Makes docs/sweep.svg: what one sees of `make sweep` on a terminal, recorded from a real sweep."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rich.console import Console

from sweeps.cli.run import run_sweep
from sweeps.config import load_config

DOCS = Path(__file__).parent


def main() -> None:
    """Run a sweep in a temporary folder and keep what it shows."""
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        os.chdir(folder)
        console = Console(record=True, width=140, file=nowhere)
        console.print("$ make sweep", highlight=False)
        run_sweep(load_config({}), console)
        console.save_svg(str(DOCS / "sweep.svg"), title="make sweep")


if __name__ == "__main__":
    main()
