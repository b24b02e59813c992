"""The form of a `--set` argument, read without Keras."""

from __future__ import annotations

from sweeps.errors import InputError


def split(text: str) -> tuple[str, str]:
    """`n_hidden=1..4` as name and allowed values.

    Raises:
        InputError: it is not of the form NAME=….
    """
    name, equals, allowed = (part.strip() for part in text.partition("="))
    if not (name and equals and allowed):
        raise InputError(f"--set must be NAME=VALUE, NAME=LOW..HIGH or NAME=A,B,C, got {text!r}")
    return name, allowed
