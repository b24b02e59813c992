"""KerasTuner's hyperparameters as Optuna's parameters.

| KerasTuner                   | Optuna                                                                      |
|------------------------------|-----------------------------------------------------------------------------|
| Boolean                      | categorical: False, True                                                    |
| Choice                       | categorical: its values                                                     |
| Int, Float, linear or log    | a range with the same step or logarithm                                     |
| Int, Float, log with a step  | categorical: the exact values (Optuna has no multiplicative steps)          |
| Int, Float, reverse_log      | the logarithmic range of `low + high - value`, with the name `NAME (mirrored)` |
| Fixed                        | no parameter                                                                |
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from keras_tuner.engine import hyperparameters as kinds
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sweeps.errors import InputError, shown

Number = int | float
Value = int | float | str | bool
TOLERANCE = 1e-8  # of a step: the rounding error that Optuna allows for a float from a storage


class Suggesting(Protocol):
    """What a value can be asked of: a trial of Optuna's, or what stands for one."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float: ...
    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int: ...
    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


@dataclass(frozen=True)
class StudyParameter:
    """One hyperparameter as a parameter of the study.

    Attributes:
        name: in the study.
        distribution: Optuna's.
        mirror: for reverse_log low + high, since the study holds `mirror - value`; None otherwise.
    """

    name: str
    distribution: BaseDistribution
    mirror: float | None = None

    def suggest(self, trial: Suggesting) -> Value:
        """The trial's value, of the hyperparameter's own type."""
        domain = self.distribution
        if isinstance(domain, CategoricalDistribution):
            suggested = trial.suggest_categorical(self.name, domain.choices)
            return domain.choices[int(domain.to_internal_repr(suggested))]  # type: ignore[return-value]
        if isinstance(domain, IntDistribution):
            whole = trial.suggest_int(self.name, domain.low, domain.high, step=domain.step, log=domain.log)
            return int(whole if self.mirror is None else self.mirror - whole)
        assert isinstance(domain, FloatDistribution)
        number = trial.suggest_float(self.name, domain.low, domain.high, step=domain.step, log=domain.log)
        return float(number) if self.mirror is None else _clipped(self.mirror - number, domain)

    def stored(self, value: Value) -> Value:
        """The study's value for a hyperparameter's `value`."""
        if self.mirror is None:
            return value
        assert isinstance(value, Number)
        assert isinstance(self.distribution, IntDistribution | FloatDistribution)
        return _clipped(self.mirror - value, self.distribution)


def study_parameter(hp: kinds.HyperParameter, grid: bool = False, label: str | None = None) -> StudyParameter:
    """The study's parameter for a hyperparameter.

    Args:
        hp: an Int, Float, Choice or Boolean.
        grid: divide a range without steps into ten values beside its default, as KerasTuner's GridSearch does.
        label: the parameter's name in the study; None: the hyperparameter's own.
    """
    name = label or study_name(hp.name)
    values = listed_values(hp, grid)
    if values is not None:
        return StudyParameter(name, CategoricalDistribution(values))
    low, high, log = hp.min_value, hp.max_value, hp.sampling != "linear"
    mirror = None
    if hp.sampling == "reverse_log":
        name, mirror = f"{name} (mirrored)", low + high
    if isinstance(hp, kinds.Int):
        step = hp.step or 1
        return StudyParameter(name, IntDistribution(low, low + (high - low) // step * step, log=log, step=step), mirror)
    if hp.step is not None:
        high = at_step(hp, last_step(hp))
    return StudyParameter(name, FloatDistribution(low, high, log=log, step=hp.step), mirror)


def study_name(name: str) -> str:
    """A hyperparameter's name in the study; `~` is appended to names like those that `study_parameter` makes
    (`NAME (mirrored)`, `NAME [PARENT=VALUE]`)."""
    return f"{name}~" if re.search(r"( \(mirrored\)| \[.*=.*\])~*$", name) else name


def listed_values(hp: kinds.HyperParameter, grid: bool = False) -> tuple[Value, ...] | None:
    """All values of a hyperparameter that is categorical in the study; None for a range."""
    if isinstance(hp, kinds.Boolean):
        return (False, True)
    if isinstance(hp, kinds.Choice | kinds.Fixed):
        return tuple(hp.values)
    number_type = int if isinstance(hp, kinds.Int) else float
    if hp.step is not None and hp.sampling != "linear":
        return tuple(sorted({number_type(value) for value in hp.values}))
    if hp.step is None and grid:
        return tuple(sorted({*hp.values, hp.default}))  # KerasTuner's ten, and its first
    return None


def last_step(hp: kinds.HyperParameter) -> int:
    """The number of steps in a linear range; 1.0 / 0.1 is ten in spite of rounding errors."""
    return int((hp.max_value - hp.min_value) / hp.step + TOLERANCE)


def at_step(hp: kinds.HyperParameter, step: int) -> Number:
    """The value after `step` steps of a linear range, computed in decimals: 0.3, not 0.30000000000000004.

    Optuna counts steps in decimals, and warns of a range that does not end on one.
    """
    value = Decimal(str(hp.min_value)) + step * Decimal(str(hp.step))
    return int(value) if isinstance(hp, kinds.Int) else float(value)


def typed(hp: kinds.HyperParameter, value: object) -> Value:
    """`value`, or the value that its text stands for, with the hyperparameter's type.

    Raises:
        InputError: the type does not fit: "n_hidden must be an integer, got 'two'".
    """
    by_class = {kinds.Boolean: bool, kinds.Int: int, kinds.Float: float}
    wanted = by_class.get(type(hp)) or _plain_type(hp.default)
    parsed = _parse(wanted, value)
    if parsed is None:
        expected = {int: "an integer", float: "a finite number", bool: "true or false"}.get(wanted, "a text")
        raise InputError(f"{hp.name} must be {expected}, got {shown(value)}")
    return parsed


def canonical(hp: kinds.HyperParameter, value: object, grid: bool = False) -> Value:
    """The hyperparameter's own value that is equal to `value` or its text.

    Raises:
        InputError: the type does not fit, or the value is not allowed; the message lists the allowed ones.
    """
    parsed = typed(hp, value)
    values = listed_values(hp, grid)
    if values is not None:
        match = next((listed for listed in values if same_value(listed, parsed)), None)
    else:
        match = _on_range(hp, as_number(parsed))
    if match is None:
        allowed = f"only {hp.value!r}" if isinstance(hp, kinds.Fixed) else describe(study_parameter(hp, grid))
        raise InputError(f"{hp.name} must be one of the space's values, got {shown(value)}\nAllowed: {allowed}")
    return match


def default(hp: kinds.HyperParameter, grid: bool = False) -> Value:
    """The hyperparameter's default, or the nearest allowed value: KerasTuner accepts a default between two steps."""
    if isinstance(hp, kinds.Fixed):
        return hp.value  # type: ignore[no-any-return]
    values = listed_values(hp, grid)
    if values is None and hp.step is not None:
        values = tuple(at_step(hp, step) for step in (_nearest_step(hp, hp.default), last_step(hp)))
    if values is None or hp.default in values:
        return hp.default  # type: ignore[no-any-return]
    return min(values, key=lambda value: abs(as_number(value) - hp.default))


def as_number(value: Value) -> Number:
    """`value`, for the type checker, where it is known to be a number."""
    assert isinstance(value, Number)
    return value


def same_value(a: Value, b: Value) -> bool:
    """Whether two values are equal; floats up to rounding errors."""
    if isinstance(a, float) and isinstance(b, Number):
        return math.isclose(a, b, rel_tol=1e-12)
    return a == b


def same_domain(a: kinds.HyperParameter, b: kinds.HyperParameter) -> bool:
    """Whether two declarations have the same kind and allow the same values; their defaults may differ."""
    if type(a) is not type(b):
        return False
    if isinstance(a, kinds.Fixed):
        return bool(a.value == b.value)
    return study_parameter(a) == study_parameter(b)


def describe(domain: StudyParameter | BaseDistribution) -> str:
    """The allowed values in short: "16..512 (log)", "0.0..0.5 in steps of 0.05", "adam, sgd"."""
    mirrored = isinstance(domain, StudyParameter) and domain.mirror is not None
    if isinstance(domain, StudyParameter):
        domain = domain.distribution
    if isinstance(domain, CategoricalDistribution):
        return ", ".join(map(str, domain.choices))
    assert isinstance(domain, IntDistribution | FloatDistribution)
    text = f"{domain.low}..{domain.high}"
    if domain.log:
        return f"{text} ({'reverse_log' if mirrored else 'log'})"
    whole = isinstance(domain, IntDistribution) and domain.step == 1
    return text if domain.step is None or whole else f"{text} in steps of {domain.step}"


def conditions_text(conditions: Sequence[Any]) -> str:
    """The conditions of a hyperparameter in short: "optimizer=sgd, n_hidden=1|2"."""
    return ", ".join(f"{c.name}={'|'.join(map(str, c.values))}" for c in conditions)


def _plain_type(value: Value) -> type:
    """The Python type of a value; NumPy's float64, which `np.linspace` gives as choices, is a float."""
    return next(kind for kind in (bool, int, float, str) if isinstance(value, kind))


def _parse(wanted: type, value: object) -> Value | None:
    """`value` or its text as the wanted type; None where it is no such value."""
    if wanted is bool:
        return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())
    if wanted is str:
        return value if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, Number | str):
        return None
    try:
        if wanted is int and not isinstance(value, float):
            return int(value)
        number = float(value)
    except (ValueError, OverflowError):  # an integer of 400 digits is no float
        return None
    if not math.isfinite(number):
        return None
    if wanted is float:
        return number
    return int(number) if number == int(number) else None


def _on_range(hp: kinds.HyperParameter, value: Number) -> Value | None:
    if not hp.min_value <= value <= hp.max_value:
        return None
    if hp.step is None or hp.sampling != "linear":
        return value
    steps = _nearest_step(hp, value)
    nearest = hp.min_value + steps * hp.step
    return nearest if steps <= last_step(hp) and abs(value - nearest) <= TOLERANCE * hp.step else None


def _nearest_step(hp: kinds.HyperParameter, value: Number) -> int:
    return round((value - hp.min_value) / hp.step)  # type: ignore[no-any-return]


def _clipped(value: float, domain: IntDistribution | FloatDistribution) -> Number:
    """The value within the range, which low + high - value can leave by a rounding error."""
    return type(domain.low)(min(max(value, domain.low), domain.high))
