"""`sweeps lr-range`: which learning rates suit a model."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sweeps.cli.table_options import table_options
from sweeps.errors import InputError

if TYPE_CHECKING:
    from sweeps.trial.lr_range import RangeTest


@click.command("lr-range")
@click.option("--dataset", help="As for sweeps run.  [digits]")
@table_options
@click.option("--space", help="As for sweeps run; hyperparameters have their default values.  [mlp]")
@click.option(
    "--set", "set_", multiple=True, metavar="NAME=VALUES", help="Other values of hyperparameters. May be repeated."
)
@click.option(
    "--params", type=click.Path(path_type=Path), help="JSON file of hyperparameters: exports/STUDY/params.json."
)
@click.option("--low", type=float, default=1e-5, show_default=True, help="The first learning rate.")
@click.option("--high", type=float, default=10.0, show_default=True, help="The last one.")
@click.option("--steps", type=int, default=500, show_default=True, help="Number of batches, each with a larger rate.")
@click.option("--seed", type=int, help="The source of all randomness.  [0]")
@click.option(
    "--config", type=click.Path(path_type=Path), help="TOML file of sweeps run, for options that are not given here."
)
@click.option(
    "--picture", type=click.Path(path_type=Path), help="File of the picture.  [runs/lr-range/DATASET-SPACE.svg]"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def lr_range(
    low: float,
    high: float,
    steps: int,
    set_: tuple[str, ...],
    params: Path | None,
    config: Path | None,
    picture: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Find suitable learning rates.

    Trains once with a rate that grows with every batch until the loss diverges, draws the loss, and prints the --set
    that keeps a sweep to suitable rates.
    """
    from sweeps.config import default_study, load_config
    from sweeps.data import load
    from sweeps.engine.lr_find import find_learning_rates
    from sweeps.engine.sweep import check
    from sweeps.system import paths
    from sweeps.trial.lr_range import RangeRequest

    sweep = load_config(
        {name: value for name, value in options.items() if value != ()} | {"set": list(set_) or None}, config
    )
    asked = replace(check(sweep), enqueue=(_read(params),) if params else (), keeps_models=False)
    picture = picture or paths.home() / "lr-range" / f"{default_study(sweep.dataset, sweep.space)}.svg"
    request = RangeRequest(asked, low, high, steps)
    load(asked.source)  # here too, so that what is wrong with the data is said before anything is started
    found = find_learning_rates(request, sweep.memory_limit, sweep.trial_timeout)
    _draw(found, picture)
    if as_json:
        click.echo(json.dumps(_document(found, picture), indent=2, allow_nan=False))
    else:
        click.echo(_text(found))
        click.echo(f"picture  {picture}")


def _text(found: RangeTest) -> str:
    rates, tried = found.suggestion, found.curve.rates
    end = (
        f"diverges at {rates.diverges:.2g}; a good rate is half of that, {rates.high:.2g}"
        if rates.diverges
        else f"is lowest at {rates.high:.2g} and does not diverge: a higher --high would show where"
    )
    bound = (
        f"keep a sweep to these rates with: --set {found.set}"
        if found.set
        else "no --set: the space has no hyperparameter learning_rate that takes such rates"
    )
    return (
        f"{len(tried)} batches, learning rate {tried[0]:.2g} to {tried[-1]:.2g}\n"
        f"the loss begins to fall at {rates.low:.2g}, falls fastest at {rates.steepest:.2g}, {end}\n{bound}"
    )


def _read(file: Path) -> dict[str, Any]:
    from sweeps.system.reading import read_text

    text = read_text("--params", file)
    try:
        params = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"--params: {str(file)!r} is not JSON: {error}") from None
    if not isinstance(params, dict):
        raise InputError(f"--params: {str(file)!r} must hold one dictionary of hyperparameters: {{…}}")
    return params


def _draw(found: RangeTest, file: Path) -> None:
    from sweeps.report.curves import draw_range
    from sweeps.system.atomic_files import atomic_write

    rates = found.suggestion
    marks = {"begins": rates.low, "fastest": rates.steepest, "half" if rates.diverges else "lowest": rates.high}
    points = list(zip(found.curve.rates, found.curve.losses, strict=True))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as picture:
            picture.write(draw_range(points, found.curve.smoothed, marks).encode())
    except OSError as error:
        raise InputError(f"--picture: {str(file)!r} cannot be written: {error.strerror}") from None


def _document(found: RangeTest, picture: Path) -> dict[str, Any]:
    curve = {"rates": found.curve.rates, "losses": found.curve.losses, "smoothed": found.curve.smoothed}
    return asdict(found.suggestion) | {
        "set": found.set,
        "params": dict(found.params),
        "picture": str(picture),
        "curve": curve,
    }
