"""`sweeps report`: one HTML file that shows a study."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("study")
@click.option("--output", type=click.Path(path_type=Path), help="The file.  [report.html in the study's folder]")
def report(study: str, output: Path | None) -> None:
    """Write the report of STUDY: one HTML file with the winner, the leaderboard and all figures.

    It opens from disk and fetches nothing. It becomes an artifact of the sweep's MLflow run, too.
    """
    from sweeps.cli.command_line import repeated
    from sweeps.report import html
    from sweeps.study import results

    command = repeated(results.open_study(study))
    file, unrecorded = html.write(study, command, output)
    click.echo(str(file))
    if unrecorded:
        click.echo(f"not among the artifacts of the sweep's run: {unrecorded.splitlines()[0]}", err=True)
