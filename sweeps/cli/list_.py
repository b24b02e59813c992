"""`sweeps list`: the trials of a study, or the studies of the workspace."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.table import Table

from sweeps.cli.console import console
from sweeps.cli.csv_output import check_one_format, csv_flag, emit_csv
from sweeps.cli.json_output import emit, json_flag


@click.command("list")
@click.argument("study", required=False)
@click.option("--sort", metavar="COLUMN", help="Sort by a column: val_accuracy, seconds:desc.  [trial]")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="CONDITION",
    help="Only trials of which it holds: state=COMPLETE, 'n_hidden>=2', optimizer!=sgd. May be repeated.",
)
@click.option("--columns", metavar="NAMES", help="The columns of the table: trial,val_accuracy,learning_rate.")
@json_flag
@csv_flag
def list_(
    study: str | None, sort: str | None, filters: tuple[str, ...], columns: str | None, as_json: bool, as_csv: bool
) -> None:
    """List the trials of STUDY, or without one the studies of this workspace.

    The table has the hyperparameters that differ, as many as the window is wide; --csv and --json have all of them.
    """
    from sweeps.cli.trial_table import check_column, kept, ordered, show
    from sweeps.errors import InputError
    from sweeps.study import results
    from sweeps.study.leaderboard import TRIAL, leaderboard, whole_table
    from sweeps.study.study import objective_of

    check_one_format(as_json, as_csv)
    if study is None:
        if sort or filters or columns:
            raise InputError("list: --sort, --filter and --columns are for the trials of a STUDY, got none")
        _list_studies(as_json, as_csv)
        return
    opened = results.open_study(study)
    rows = results.rows(opened)
    board = leaderboard(opened, rows)
    chosen = list(board.rows)
    for condition in filters:
        chosen = kept(chosen, condition, board)
    if sort:
        chosen = ordered(chosen, sort, board, objective_of(opened).direction)
    chosen_rows = [rows[row[TRIAL]] for row in chosen]
    if as_json:
        emit([asdict(row) for row in chosen_rows])
        return
    named = [name.strip() for name in columns.split(",")] if columns else []
    for name in named:
        check_column(name, board)
    if as_csv:
        every, table = whole_table(opened, chosen_rows)
        emit_csv(named or every, table)
        return
    show(console(), leaderboard(opened, chosen_rows), named)


def _list_studies(as_json: bool, as_csv: bool) -> None:
    from sweeps.study import results
    from sweeps.study.leaderboard import number

    found = results.studies_here()
    if as_json:
        emit([asdict(row) for row in found])
        return
    if as_csv:
        columns = ["study", "changed", "objective", "total", *(state.name for state in results.STATES), "best", "error"]
        emit_csv(columns, (asdict(row) | row.trials for row in found))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, justify in (("study", "left"), ("trials", "right"), ("of", "right"), ("best", "right")):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    table.add_column("objective", overflow="fold")
    table.add_column("last change")
    for row in found:
        cells = (
            "" if row.total is None else str(sum(row.trials.values())),
            "" if row.total is None else str(row.total),
        )
        table.add_row(row.study, *cells, number(row.best), row.error or row.objective, row.changed.replace("T", " "))
    console().print(table, markup=False)
