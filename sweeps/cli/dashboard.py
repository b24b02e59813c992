"""`sweeps dashboard`: optuna-dashboard over a study."""

from __future__ import annotations

import click


@click.command()
@click.argument("study", required=False)
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Port of the server.")
def dashboard(study: str | None, port: int) -> None:
    """Open optuna-dashboard for STUDY on 127.0.0.1; by default for the study that has changed last.

    A running sweep is followed. The dashboard reads the study and changes nothing. It is an extra:
    pip install "keras-sweeps[dashboard]".
    """
    from sweeps.report.dashboard import serve

    serve(study, port, click.echo)
