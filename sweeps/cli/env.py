"""`sweeps env`: what of this machine decides how fast a sweep is."""

from __future__ import annotations

import click

from sweeps import dense_kernels
from sweeps.cli.json_output import emit, json_flag
from sweeps.system.commands import hint


@click.command()
@click.option("--compile", "compile_", is_flag=True, help="Compile the training kernels now, unless they are.")
@json_flag
def env(compile_: bool, as_json: bool) -> None:
    """Show how dense layers are trained on this machine, and why.

    SWEEPS_DENSE_KERNELS=0 disables the training kernels; all other models are trained by a TensorFlow graph.
    """
    if compile_:
        if dense_kernels.compilation_is_due():
            click.echo("compiling training kernels (once for this machine, about 20 s)", err=True)
        dense_kernels.compile_ahead()
    supported = dense_kernels.supported() is None
    if as_json:
        document = {
            "dense_layers": dense_kernels.description(),
            "kernels": {
                "lanes": dense_kernels.lanes() if supported else None,
                "reason": dense_kernels.supported(),
                "compiled": supported and not dense_kernels.compilation_is_due(),
            },
        }
        emit(document)
        return
    click.echo(f"dense layers are trained {dense_kernels.description()}")
    if dense_kernels.compilation_is_due():
        compiling = hint("env", "", "--compile")
        click.echo(f"The kernels are not compiled yet: the first sweep does it (about 20 s), or: {compiling}")
