"""`--json` of commands that report: one JSON document, and nothing else, on standard output."""

from __future__ import annotations

import json

import click

json_flag = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def emit(document: object) -> None:
    """Print the document."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))
