"""Where tables and progress are printed."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console


def console(file: Any = None) -> Console:
    """Where tables and progress go: standard output; as wide as the terminal, or as its lines where it is none."""
    return Console(file=file, width=None if sys.stdout.isatty() else 1000)
