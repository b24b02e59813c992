"""The configurations that a sweep is told to train first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sweeps.errors import InputError
from sweeps.study import results
from sweeps.system.reading import read_text
from sweeps.trial.plan import WarmStart

#: trials of another study that a warm start takes
_BEST = 5


def read_warm_start(name: str, study: str) -> WarmStart:
    """The best trials of study `name`, for a sweep of `study`.

    Raises:
        InputError: there is no such study, it has none, or it is the sweep's own.
    """
    if name == study:
        raise InputError(f"--warm-start: the name of another study is wanted, got {name!r} for itself")
    best = results.top(results.open_study(name), _BEST)
    if not best:
        raise InputError(f"--warm-start: a study with a COMPLETE trial is wanted, {name!r} has none")
    return WarmStart(name, tuple(row.params for row in best))


def read_enqueue(file: Path) -> tuple[dict[str, Any], ...]:
    """The list of hyperparameter dictionaries in a JSON file.

    Raises:
        InputError: it holds something else.
    """
    text = read_text("--enqueue", file)
    try:
        listed = json.loads(text, object_pairs_hook=_once_each)
    except ValueError as error:
        raise InputError(f"--enqueue: {str(file)!r} is not JSON: {error}") from None
    except RecursionError:
        raise InputError(f"--enqueue: {str(file)!r} is nested too deeply") from None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise InputError(f"--enqueue: {str(file)!r} must hold a list of parameter dictionaries: [{{…}}, …]")
    return tuple(listed)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a name that comes twice `json` would take the last in silence."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{max(names, key=names.count)!r} comes twice in {names}")
    return values
