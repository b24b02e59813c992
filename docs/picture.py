"""Makes the pictures of README and docs from a real sweep.

docs/sweep.svg is what a terminal shows of `sweeps run`; docs/report.png is the top of its report, docs/mlflow.png and
docs/mlflow-sweep.png are pages of MLflow, docs/dashboard.png is optuna-dashboard's, as Chromium draws them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

import sweeps
from sweeps.cli.sweep_view import run_sweep
from sweeps.config import load_config
from tests.browser import CHROMIUM, MISSING, Page
from tests.servers import free_port

DOCS = Path(__file__).parent.absolute()
#: closes MLflow's panel of questions, which opens with a new browser
ASSISTANT = "button[aria-label=Close], button[aria-label=close]"


def main() -> None:
    """Run a sweep in a temporary folder and save what it shows."""
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        os.chdir(folder)
        console = Console(record=True, width=140, file=nowhere)
        console.print("$ sweeps run", highlight=False)
        config = load_config({})
        run_sweep(config, console)
        console.save_svg(str(DOCS / "sweep.svg"), title="sweeps run")
        if CHROMIUM is None:
            raise SystemExit(f"the pictures of pages are not made: {MISSING}")
        picture(sweeps.Result(config.study).report(), DOCS / "report.png")
        mlflow()
        dashboard()


def picture(page: Path, to: Path, width: int = 1200, height: int = 1400) -> None:
    """Draw the top of a page as a browser of that size, in pixels, shows it."""
    with Page(width, height) as browser:
        browser.open(page.as_uri(), "Leaderboard")
        browser.wait("document.documentElement.dataset.drawn !== undefined")
        browser.draw(to)


def mlflow() -> None:
    """Draw the trials, and the description of the sweep."""
    with served("ui") as addresses, Page(1500, 900) as browser:
        browser.open(addresses["trials, best first"], "matching runs")
        time.sleep(3)
        browser.click(ASSISTANT)
        time.sleep(3)
        browser.draw(DOCS / "mlflow.png")
        browser.open(addresses["the sweep"], "Show more")
        browser.click("button", "Show more")
        browser.wait("document.querySelector('img[src*=\"history.svg\"]')?.naturalWidth > 0")
        time.sleep(1)
        browser.draw(DOCS / "mlflow-sweep.png")


def dashboard() -> None:
    """Draw the study in optuna-dashboard."""
    with served("dashboard") as addresses, Page(1500, 1000) as browser:
        (address,) = addresses.values()
        browser.open(address, "Hyperparameter Importance")
        time.sleep(6)
        browser.draw(DOCS / "dashboard.png")


@contextlib.contextmanager
def served(command: str) -> Iterator[dict[str, str]]:
    """The addresses that `sweeps ui` or `sweeps dashboard` prints, by what they show."""
    arguments = [sys.executable, "-m", "sweeps", command, "--port", str(free_port())]
    environment = os.environ | {"PYTHONPATH": str(DOCS.parent)}
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        found: dict[str, str] = {}
        assert process.stdout is not None
        for line in process.stdout:
            if ": http" in line:
                what, _, address = line.partition(": http")
                found[what.partition(", ")[2]] = f"http{address.split()[0]}"
            if "Ctrl-C" in line:
                break
        yield found
    finally:
        process.terminate()
        process.wait(timeout=60)


if __name__ == "__main__":
    main()
