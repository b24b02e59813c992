"""`sweeps clean`: room on the disk."""

from __future__ import annotations

import click

from sweeps.cli.asking import agreed, yes_flag
from sweeps.errors import InputError


@click.command()
@click.argument("study")
@click.option(
    "--keep-models", metavar="best:N", default="best:1", show_default=True, help="Keep the models of the best N trials."
)
@yes_flag
def clean(study: str, keep_models: str, yes: bool) -> None:
    """Free disk space of STUDY: remove the models of all but the best trials, checkpoints and TensorBoard files.

    Trials, values, curves and reports stay, and so do the models of a confirmed winner and registered ones. A trial
    whose model was removed can be trained again: sweeps continue.
    """
    from sweeps.disk.clean import FOLDERS, look
    from sweeps.disk.clean import clean as remove
    from sweeps.study import kept_models

    try:
        most = kept_models.parse(keep_models)
    except ValueError:
        most = None
    if most is None:
        raise InputError(f"--keep-models: best:N is wanted, such as best:10, got {keep_models!r}")
    found = look(study, most)
    if not found:
        click.echo(f"study {study}: nothing to remove")
        return
    if found.models:
        kept = ", ".join(map(str, found.kept[:10])) + ", …" * (len(found.kept) > 10)
        click.echo(f"models: {found.models} to remove; kept: of trial {kept}")
    for folder in found.folders:
        click.echo(f"{FOLDERS[folder.name]}: {folder}")
    if agreed(f"remove {size(found.size)} of study {study}?", yes):
        click.echo(f"study {study}: {size(remove(study, most).size)} removed")


def size(count: int) -> str:
    """`312 kB`, `1.5 GB`."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6)):
        if count >= bytes_:
            return f"{count / bytes_:.1f} {unit}"
    return f"{round(count / 1000)} kB"
