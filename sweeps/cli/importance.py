"""`sweeps importance`: which hyperparameters decide."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.table import Table

from sweeps.cli.console import console
from sweeps.cli.csv_output import check_one_format, csv_flag, emit_csv
from sweeps.cli.json_output import emit, json_flag


@click.command()
@click.argument("study")
@json_flag
@csv_flag
def importance(study: str, as_json: bool, as_csv: bool) -> None:
    """Show how important each hyperparameter of STUDY is, by PED-ANOVA, and what that is worth at this many trials."""
    from sweeps.study import results
    from sweeps.study.importance import importance as importance_of
    from sweeps.study.view import StudyView

    check_one_format(as_json, as_csv)
    found = importance_of(StudyView(results.open_study(study)))
    if as_json:
        emit(asdict(found))
        return
    if as_csv:
        rows = ({"hyperparameter": name, "importance": value} for name, value in found.importance.items())
        emit_csv(["hyperparameter", "importance"], rows)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("hyperparameter", overflow="fold")
    table.add_column("importance", justify="right")
    table.add_column("")
    most = max(found.importance.values())
    for name, value in found.importance.items():
        table.add_row(name, f"{value:.3f}", "█" * round(24 * value / most))
    out = console()
    out.print(table, markup=False)
    out.print(found.worth, highlight=False, markup=False, soft_wrap=True)
