"""`make bench-scale`: overhead of a trial as a study grows, start, memory, trials a second, gain of the second core."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
from rich.console import Console

from benchmarks import records, show
from sweeps.errors import SweepError
from sweeps.system.import_keras import import_keras

#: the measurement that runs this commit's own parts; the others are those of `scaling.MEASUREMENTS`
OVERHEAD = "overhead"
_ROOT = Path(__file__).parents[1]


@click.command()
@click.option("--smoke", is_flag=True, help="A quick check with a handful of trials.")
@click.option("--only", multiple=True, help="Only these: overhead, first-result, slots, memory, replacement, ...")
@click.option(
    "--code", type=click.Path(path_type=Path, exists=True), default=_ROOT, help="The checkout whose `sweeps run` runs."
)
@click.option("--label", default="after", help="What that checkout is called in the results.  [after]")
@click.option("--output", type=click.Path(path_type=Path), help=f"[{records.FILE.name}; with --smoke: none]")
def main(smoke: bool, only: tuple[str, ...], code: Path, label: str, output: Path | None) -> None:
    """Measure how this project scales, show the tables, and save them as JSON after each measurement."""
    # not at the top: Dask's workers import this file before `import_keras` has set them up
    import_keras()
    from benchmarks.scaling import MEASUREMENTS

    console = Console(width=None if sys.stdout.isatty() else 140)
    output = output or (None if smoke else records.FILE)
    names = only or (OVERHEAD, *MEASUREMENTS)
    if unknown := [name for name in names if name not in (OVERHEAD, *MEASUREMENTS)]:
        raise click.BadParameter(
            f"{unknown[0]!r} is none of {', '.join((OVERHEAD, *MEASUREMENTS))}", param_hint="--only"
        )
    if OVERHEAD in names:
        _overhead(smoke, console, output)
    found = (records.Results.load(output) if output else None) or records.Results(machine=records.this_machine())
    sweeps = found.sweeps.get(label, records.Sweeps())
    for name in names:
        if name != OVERHEAD:
            sweeps = _outside(name, sweeps, code.absolute(), smoke, console)
            show.save(console, output, sweeps={**found.sweeps, label: sweeps})


def _overhead(smoke: bool, console: Console, output: Path | None) -> None:
    from benchmarks.growth import FULL, SMOKE, measure

    try:
        scale = measure(SMOKE if smoke else FULL, console)
    except SweepError as error:
        click.echo(f"bench-scale: {error}", err=True)
        sys.exit(error.exit_code)
    show.scale(scale, console)
    show.save(console, output, scale=scale)


def _outside(name: str, sweeps: records.Sweeps, code: Path, smoke: bool, console: Console) -> records.Sweeps:
    from benchmarks.processes import RunFailedError
    from benchmarks.scaling import FULL, MEASUREMENTS, SMOKE

    console.print(f"{name} …", highlight=False)
    try:
        figures = MEASUREMENTS[name](code, SMOKE if smoke else FULL)
    except RunFailedError as error:
        click.echo(f"bench-scale: {name}: {error}", err=True)
        sys.exit(1)
    show.figures(name, figures, console)
    return sweeps.with_measured(name, commit_of(code), figures)


def commit_of(code: Path) -> str:
    """The commit of a checkout, with a plus sign if files differ from it; "" where there is none."""

    def git(*command: str) -> str:
        done = subprocess.run(["git", "-C", str(code), *command], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no")
    return git("rev-parse", "--short=10", "HEAD") + "+" * bool(changed)


if __name__ == "__main__":
    main()
