"""What a hyperparameter may be declared as: what KerasTuner lets pass, and a study or its record could not keep."""

from __future__ import annotations

import math
from collections.abc import Sequence

from keras_tuner.engine import hyperparameters as kinds

from sweeps.errors import InputError, shown

_LONGEST_TEXT = 6000  # of a parameter in MLflow
_LONGEST_NAME = 1000  # whole in a tag of MLflow's, and a line to read


def check_declaration(hp: kinds.HyperParameter) -> None:
    """Raises:
    InputError: a name that cannot be shown, bounds or choices that are not finite numbers, a choice that
        comes twice, a step that leads nowhere, a default outside.
    """
    check_name("hyperparameter", hp.name)
    if isinstance(hp, kinds.Int | kinds.Float):
        _check_range(hp)
        return
    for value in getattr(hp, "values", ()):
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"values of {hp.name!r} must be finite, got {value}")
        if len(str(value)) > _LONGEST_TEXT:
            raise InputError(f"values of {hp.name!r} must have {_LONGEST_TEXT} characters at most, got {len(value)}")
    check_different(f"values of {hp.name!r}", tuple(getattr(hp, "values", ())))


def check_different(what: str, values: Sequence[object]) -> None:
    """Raises:
    InputError: a value comes twice.
    """
    for value in values:
        if values.count(value) > 1:
            raise InputError(f"{what} must differ, got {value!r} more than once")


def check_name(what: str, name: object) -> None:
    """Raises:
    InputError: it is no text that can be shown in a line.
    """
    if not isinstance(name, str) or not name.isprintable() or not 1 <= len(name) <= _LONGEST_NAME:
        got = shown(name) if len(str(name)) <= _LONGEST_NAME else f"one of {len(str(name))} characters"
        raise InputError(f"{what}: a name is 1 to {_LONGEST_NAME} printable characters, got {got}")


def _check_range(hp: kinds.Int | kinds.Float) -> None:
    low, high = hp.min_value, hp.max_value
    if not all(abs(bound) < float("inf") for bound in (low, high)):
        raise InputError(f"bounds of {hp.name!r} must be finite, got {low}..{high}")
    if hp.step is not None and not 0 < hp.step < float("inf"):
        raise InputError(f"step of {hp.name!r} must be above 0, got {hp.step}")
    if not low <= hp.default <= high:
        raise InputError(f"default of {hp.name!r} must lie in {low}..{high}, got {hp.default}")
