"""`sweeps tensorboard`: the learning curves and hyperparameters of a study in TensorBoard."""

from __future__ import annotations

import click


@click.command()
@click.argument("study")
@click.option("--port", type=click.IntRange(1, 65535), default=6006, show_default=True, help="Port of the server.")
@click.option("--write-only", is_flag=True, help="Only write the event files, for your own TensorBoard.")
def tensorboard(study: str, port: int, write_only: bool) -> None:
    """Open TensorBoard for STUDY on 127.0.0.1: curves of all trials and the HParams tab.

    A running sweep is followed.
    """
    from sweeps.report import tensorboard

    if write_only:
        click.echo(tensorboard.write(study))
    else:
        tensorboard.serve(study, port, click.echo)
