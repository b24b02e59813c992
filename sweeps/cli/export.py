"""`sweeps export`: a model of a study as files."""

from __future__ import annotations

import click


@click.command()
@click.argument("study")
@click.option(
    "--format",
    "formats",
    default="keras,savedmodel",
    show_default=True,
    metavar="NAMES",
    help="Comma-separated: keras, savedmodel, onnx, litert. keras is always included. The last two need the "
    "extra: pip install 'keras-sweeps[export]'.",
)
@click.option("--trial", type=click.IntRange(0), help="Another COMPLETE trial than the best, such as a continued one.")
@click.option("--ensemble", type=click.IntRange(2, 100), help="Average this many of the best trials in one model.")
@click.option("--test", is_flag=True, help="Evaluate the ensemble on the test rows, once; each evaluation is counted.")
@click.option("--again", is_flag=True, help="With --test: evaluate although the test rows were used before.")
@click.option("--force", is_flag=True, help="Replace an existing export.")
@click.option("--space", help="The space, if its file has moved: path/to/file.py:function.")
def export(
    study: str,
    formats: str,
    trial: int | None,
    ensemble: int | None,
    test: bool,
    again: bool,
    force: bool,
    space: str | None,
) -> None:
    """Export the best model of STUDY to exports/STUDY, and register it in MLflow as champion.

    Each format is loaded again in a clean process by its own runtime, and compared with the trained model on 256 raw
    rows. A difference above 1e-4 fails the export.
    """
    from sweeps.confirm.ensemble import EnsembleFigures
    from sweeps.engine.test_rows import sample
    from sweeps.errors import InputError
    from sweeps.export import export as exporting

    if test and ensemble is None:
        raise InputError("--test is for an ensemble; of the best trial alone, sweeps confirm looks at the test rows")
    if again and not test:
        raise InputError("--again is for --test, which looks at the test rows")
    names = tuple(name.strip() for name in formats.split(",") if name.strip())
    request = exporting.ExportRequest(study, names, trial, ensemble, force, space)
    told = exporting.export(request, tell, sample, EnsembleFigures(test=test, again=again))
    click.echo(told)


def tell(step: str) -> None:
    """Say on standard error what is done."""
    click.echo(f"{step} …", err=True)
