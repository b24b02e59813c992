"""`sweeps export`: the best model of a study as files."""

from __future__ import annotations

import click


@click.command()
@click.argument("study")
@click.option("--force", is_flag=True, help="Replace an existing export.")
@click.option("--space", help="The space, if its file has moved: path/to/file.py:function.")
def export(study: str, force: bool, space: str | None) -> None:
    """Export the best model of STUDY to exports/STUDY, and register it in MLflow as champion."""
    from sweeps.export.export import export_best

    click.echo(export_best(study, force, space))
