"""Checks of hyperparameter declarations that KerasTuner accepts, but a study or MLflow cannot store."""

from __future__ import annotations

import math
from collections.abc import Sequence

from keras_tuner.engine import hyperparameters as kinds

from sweeps.errors import InputError, shown

_MAX_VALUE_LENGTH = 6000  # MLflow's limit for a parameter
_MAX_NAME_LENGTH = 1000  # fits into a tag of MLflow, and into a readable line


def check_declaration(hp: kinds.HyperParameter) -> None:
    """Raises:
    InputError: the name is not printable, bounds or choices are not finite, a choice is repeated, a step is not above
        0, or the default is out of range.
    """
    check_name("hyperparameter", hp.name)
    if isinstance(hp, kinds.Int | kinds.Float):
        _check_range(hp)
        return
    values = tuple(getattr(hp, "values", ()))
    for value in values:
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"values of {hp.name!r} must be finite, got {value}")
        if len(str(value)) > _MAX_VALUE_LENGTH:
            raise InputError(
                f"values of {hp.name!r} must have {_MAX_VALUE_LENGTH} characters at most, got {len(value)}"
            )
    check_different(f"values of {hp.name!r}", values)


def check_different(label: str, values: Sequence[object]) -> None:
    """Raises: InputError: a value is repeated."""
    for value in values:
        if values.count(value) > 1:
            raise InputError(f"{label} must differ, got {value!r} more than once")


def check_name(label: str, name: object) -> None:
    """Raises: InputError: the name is no text that can be printed on a line."""
    if not isinstance(name, str) or not name.isprintable() or not 1 <= len(name) <= _MAX_NAME_LENGTH:
        got = shown(name) if len(str(name)) <= _MAX_NAME_LENGTH else f"one of {len(str(name))} characters"
        raise InputError(f"{label}: a name is 1 to {_MAX_NAME_LENGTH} printable characters, got {got}")


def _check_range(hp: kinds.Int | kinds.Float) -> None:
    low, high = hp.min_value, hp.max_value
    if not all(abs(bound) < float("inf") for bound in (low, high)):
        raise InputError(f"bounds of {hp.name!r} must be finite, got {low}..{high}")
    if hp.step is not None and not 0 < hp.step < float("inf"):
        raise InputError(f"step of {hp.name!r} must be above 0, got {hp.step}")
    if not low <= hp.default <= high:
        raise InputError(f"default of {hp.name!r} must lie in {low}..{high}, got {hp.default}")
