"""`sweeps serve`: an export behind `mlflow models serve`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--model", required=True, type=click.Path(path_type=Path), help="The folder of an export: exports/STUDY.")
@click.option("--port", type=click.IntRange(1, 65535), default=5001, show_default=True, help="Port of the server.")
@click.option(
    "--prepare",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Only write the MLflow model there, for mlflow models serve, build-docker or a registry.",
)
def serve(model: Path, port: int, prepare: Path | None) -> None:
    """Serve an exported model on 127.0.0.1 with `mlflow models serve`, and check that it predicts what the export does.

    It answers rows as `sweeps predict` does: class names and probabilities, or numbers.
    """
    from sweeps.errors import InputError
    from sweeps.export import serve as serving
    from sweeps.system.ports import check_port

    if prepare is None:
        # a server that is there would answer in place of ours
        check_port(port, "serve", "--model", str(model))
        serving.serve(model, port, click.echo)
        return
    if prepare.exists():
        raise InputError(f"--prepare: {str(prepare)!r} is there already; another folder is wanted")
    serving.prepare(model, prepare)
    click.echo(f"{prepare}: an MLflow model; serve it with: mlflow models serve -m {prepare} --env-manager local")
