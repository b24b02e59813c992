"""`sweeps ui`: the MLflow UI."""

from __future__ import annotations

import click


@click.command()
@click.argument("study", required=False)
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port of the server.")
def ui(study: str | None, port: int) -> None:
    """Open the MLflow UI of this workspace on 127.0.0.1, and print the pages of STUDY.

    By default those of the study that has changed last.
    """
    from sweeps.report.mlflow_ui import serve

    serve(study, port, click.echo)
