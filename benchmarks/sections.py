"""The sections of KerasTuner's guides, each a program of its own with `keras_tuner` and with `sweeps.tuner`, timed.

    python -m benchmarks.sections

The first column of each has the whole program: imports, search, end. The second has a second run of the same section in
the same process, as in a notebook.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

_SECTIONS = Path(__file__).parent.parent / "tests" / "sweeps" / "tuner"
_MODULES = ("keras_tuner", "sweeps.tuner")


def run_once(name: str, module: str) -> None:
    """Run a section twice; prints the seconds of the second run as JSON."""
    sys.path.insert(0, str(_SECTIONS))
    sections, both = importlib.import_module("guide_sections"), importlib.import_module("both")
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    rows = both.Rows((x[:300], y[:300]), (x[300:400], y[300:400]))
    begun = 0.0
    for _ in range(2):
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            try:
                sections.SECTIONS[name](importlib.import_module(module), rows, Path(folder))
            except AssertionError:
                raise
            except Exception as error:  # one section is about errors
                print(type(error).__name__, error, file=sys.stderr)
    print(json.dumps(time.perf_counter() - begun))


def names() -> list[str]:
    """Of the sections, without importing TensorFlow here."""
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from guide_sections import SECTIONS; "
        "print(json.dumps([*SECTIONS]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(_SECTIONS)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


def timed(name: str, module: str) -> tuple[float, float]:
    """Seconds of the first run with the process around it, and of the second."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sections", "--section", name, "--module", module],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    second = float(json.loads(done.stdout.splitlines()[-1]))
    return time.perf_counter() - begun - second, second


@click.command()
@click.option("--section", help="Run this one, here.")
@click.option("--module", type=click.Choice(_MODULES))
def main(section: str | None, module: str | None) -> None:
    """Time each section with both modules."""
    if section and module:
        run_once(section, module)
        return
    console = Console(width=140)
    table = Table(
        "section", "keras_tuner, s", "sweeps.tuner, s", "ratio", "again: keras_tuner", "sweeps.tuner", "ratio"
    )
    for name in names():
        theirs, ours = (timed(name, each) for each in _MODULES)
        ratios = [f"{mine / other:.2f}" for mine, other in zip(ours, theirs, strict=True)]
        table.add_row(
            name, f"{theirs[0]:.1f}", f"{ours[0]:.1f}", ratios[0], f"{theirs[1]:.2f}", f"{ours[1]:.2f}", ratios[1]
        )
        console.print(name, *theirs, *ours)
    console.print(table)


if __name__ == "__main__":
    main()
