"""Confirmation before something is removed."""

from __future__ import annotations

import sys

import click

from sweeps.errors import InputError

yes_flag = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def agreed(question: str, yes: bool) -> bool:
    """Ask for confirmation.

    Args:
        yes: do not ask.

    Returns:
        Whether to go on.

    Raises:
        InputError: standard input is not a terminal and has no answer.
    """
    if yes:
        return True
    try:
        return click.confirm(question)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise InputError("nobody can be asked here, and nothing was removed; --yes removes it") from None
