"""`python -m sweeps.cli.make_args PROGRAM …`: run a program with the words of $ARGS before its `--`, or at its end.

What `make` is given in ARGS may hold quotes, as in `--target 'house price'`. A shell that took them apart would also
run what stands in `$(…)`.
"""

from __future__ import annotations

import os
import shlex
import sys


def command(arguments: list[str], more: str) -> list[str]:
    """The whole command.

    Raises:
        ValueError: a quote in `more` is not closed.
    """
    words = shlex.split(more)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [*arguments[:end], *words, *arguments[end:]]


if __name__ == "__main__":
    try:
        whole = command(sys.argv[1:], os.environ.get("ARGS", ""))
    except ValueError as error:
        sys.exit(f"ARGS: {error}, got {os.environ['ARGS']!r}")
    os.execv(whole[0], whole)
