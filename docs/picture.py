"""Makes the README's pictures from a real sweep.

docs/sweep.svg is what a terminal shows of `sweeps run`; docs/report.png is the top of its report, as Chromium draws it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from rich.console import Console

import sweeps
from sweeps.cli.sweep_view import run_sweep
from sweeps.config import load_config

DOCS = Path(__file__).parent.absolute()


def main() -> None:
    """Run a sweep in a temporary folder and save what it shows."""
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        os.chdir(folder)
        console = Console(record=True, width=140, file=nowhere)
        console.print("$ sweeps run", highlight=False)
        config = load_config({})
        run_sweep(config, console)
        console.save_svg(str(DOCS / "sweep.svg"), title="sweeps run")
        picture(sweeps.Result(config.study).report(), DOCS / "report.png")


def picture(page: Path, to: Path, width: int = 1200, height: int = 1400) -> None:
    """Draw the top of a page as a browser of that size, in pixels, shows it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit(f"{to.name} is not made: Chromium is not installed (apt-get install chromium)")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=20000"]
    size = f"--window-size={width},{height}"
    subprocess.run([chromium, *options, size, f"--screenshot={to}", page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
