"""`sweeps ui`: the MLflow UI."""

from __future__ import annotations

import click


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port of the server.")
def ui(port: int) -> None:
    """Open the MLflow UI of this workspace on 127.0.0.1."""
    from sweeps.report.mlflow_ui import serve

    serve(port)
