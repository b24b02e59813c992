"""`sweeps list`: the trials of a study."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.table import Table

from sweeps.cli.console import console
from sweeps.cli.json_output import emit, json_flag


@click.command("list")
@click.argument("study")
@json_flag
def list_(study: str, as_json: bool) -> None:
    """List all trials of STUDY."""
    from sweeps.cli.progress import as_text
    from sweeps.study import results

    opened = results.open_study(study)
    rows = results.rows(opened)
    if as_json:
        emit([asdict(row) for row in rows])
        return
    table = Table(box=None, header_style="dim")
    metric, epochs = results.status(opened).objective, results.value_epochs(opened)
    for column in ("trial", "state", metric, "epoch", "seconds", "parameters or error"):
        table.add_column(column, overflow="fold")
    for row in rows:
        value = "" if row.value is None else f"{row.value:.4f}"
        seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
        epoch = str(epochs.get(row.number, ""))
        table.add_row(str(row.number), row.state, value, epoch, seconds, row.error or as_text(row.params))
    console().print(table, markup=False)
