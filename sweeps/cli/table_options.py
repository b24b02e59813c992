"""The options that say what of a table is used, and how its file is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_OPTIONS = (
    click.option("--target", help="The column to predict, in a .csv or .parquet file."),
    click.option("--task", help="classification, regression or multi_label; inferred from the target by default."),
    click.option("--weight-column", help="The column of sample weights, in a .csv or .parquet file."),
    click.option(
        "--drop", multiple=True, metavar="COLUMNS", help="Columns of the file to leave out: id,name. May be repeated."
    ),
    click.option(
        "--columns",
        multiple=True,
        metavar="COLUMNS",
        help="The only columns to take as inputs. May be repeated.  [all]",
    ),
    click.option("--csv-separator", metavar="MARK", help="Between the fields of a .csv file: ';', tab, ….  [found]"),
    click.option("--csv-decimal", metavar="MARK", help="Of the decimals in a .csv file: . or ,  [found]"),
    click.option("--csv-thousands", metavar="MARK", help="Between thousands in a .csv file.  [found]"),
    click.option(
        "--csv-dayfirst/--no-csv-dayfirst",
        default=None,
        help="Whether 03/04/2024 is the third of April where a .csv file leaves it open.  [no]",
    ),
    click.option("--csv-encoding", metavar="NAME", help="Of a .csv file: utf-8, latin-1, cp1252, ….  [found]"),
)


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, under the names of the configuration."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
