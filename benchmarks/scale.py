"""`make bench-scale`: what a trial costs beside training as a study grows, memory, the second core."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from benchmarks import records, show
from benchmarks.goals import goals
from benchmarks.records import Results
from sweeps.errors import SweepError
from sweeps.system.import_keras import import_keras


@click.command()
@click.option("--smoke", is_flag=True, help="A handful of trials: whether it works at all.")
@click.option("--output", type=click.Path(path_type=Path), help=f"[{records.FILE.name}; with --smoke: none]")
def main(smoke: bool, output: Path | None) -> None:
    """Measure how this project scales, show it, and keep it as JSON beside the speed."""
    # not above: Dask's workers import this file before they are what they are in a user's sweep
    import_keras()
    from benchmarks.growth import FULL, SMOKE, measure

    console = Console(width=None if sys.stdout.isatty() else 140)
    try:
        scale = measure(SMOKE if smoke else FULL, console)
    except SweepError as error:
        click.echo(f"bench-scale: {error}", err=True)
        sys.exit(error.exit_code)
    output = output or (None if smoke else records.FILE)
    earlier = records.load(output) if output else None
    results = Results(machine=records.this_machine(), speed=earlier.speed if earlier else None, scale=scale)
    results = results.model_copy(update={"goals": goals(results)})
    show.scale(scale, console)
    show.goals(results.goals, console)
    if output:
        records.save(results, output)
        console.print(f"written to {output}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
