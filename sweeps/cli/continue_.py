"""`sweeps continue`: a finished trial, trained on."""

from __future__ import annotations

import re

import click

from sweeps.errors import InputError


@click.command("continue")
@click.argument("study")
@click.option("--trial", type=click.IntRange(0), required=True, help="The number of a finished trial.")
@click.option("--epochs", required=True, metavar="+N", help="Number of epochs to add: +10.")
def continue_(study: str, trial: int, epochs: str) -> None:
    """Train a finished trial of STUDY for more epochs, exactly where it stopped.

    The result is a new trial. It does not count towards the study's total, and `best` does not choose it, because it
    had more epochs than the others.
    """
    from sweeps.engine.continuation import continue_trial

    more = re.fullmatch(r"\+([1-9]\d{0,5})", epochs)
    if more is None:
        raise InputError(f"--epochs: how many more is written +N, got {epochs!r}")
    click.echo(str(continue_trial(study, trial, int(more[1]))))
