"""`sweeps tensorboard`: the learning curves and hyperparameters of a study in TensorBoard."""

from __future__ import annotations

import click


@click.command()
@click.argument("study")
@click.option("--port", type=click.IntRange(1, 65535), default=6006, show_default=True)
@click.option("--write-only", is_flag=True, help="Write the event files and end; for a TensorBoard of your own.")
def tensorboard(study: str, port: int, write_only: bool) -> None:
    """TensorBoard over STUDY, on 127.0.0.1: every trial's curves, and the HParams tab; a running sweep is followed."""
    from sweeps.report import tensorboard

    if write_only:
        click.echo(tensorboard.write(study))
    else:
        tensorboard.serve(study, port, click.echo)
