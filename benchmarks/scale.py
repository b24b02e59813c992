"""`make bench-scale`: overhead of a trial as a study grows, memory of a worker, gain of the second core."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from benchmarks import records, show
from sweeps.errors import SweepError
from sweeps.system.import_keras import import_keras


@click.command()
@click.option("--smoke", is_flag=True, help="A quick check with a handful of trials.")
@click.option("--output", type=click.Path(path_type=Path), help=f"[{records.FILE.name}; with --smoke: none]")
def main(smoke: bool, output: Path | None) -> None:
    """Measure how this project scales, show the tables, and save them as JSON."""
    # not at the top: Dask's workers import this file before `import_keras` has set them up
    import_keras()
    from benchmarks.growth import FULL, SMOKE, measure

    console = Console(width=None if sys.stdout.isatty() else 140)
    try:
        scale = measure(SMOKE if smoke else FULL, console)
    except SweepError as error:
        click.echo(f"bench-scale: {error}", err=True)
        sys.exit(error.exit_code)
    output = output or (None if smoke else records.FILE)
    show.scale(scale, console)
    show.save(console, output, scale=scale)


if __name__ == "__main__":
    main()
