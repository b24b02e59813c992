"""`sweeps delete`: a study that is not wanted any more."""

from __future__ import annotations

import click

from sweeps.cli.asking import agreed, yes_flag


@click.command()
@click.argument("study")
@yes_flag
def delete(study: str, yes: bool) -> None:
    """Delete STUDY: its trials, and its runs and models in MLflow. Its export stays, registered models too."""
    from sweeps.disk.delete import delete as remove
    from sweeps.disk.delete import look

    found = look(study)
    stays = "; its export stays" if found.exported else ""
    if agreed(f"delete study {study} with {found.trials} trials and all of its runs in MLflow{stays}?", yes):
        click.echo(f"study {study} deleted, with {remove(study)} runs in MLflow{stays}")
