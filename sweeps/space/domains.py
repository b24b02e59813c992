"""What a KerasTuner hyperparameter may be, in Optuna's terms.

Boolean                            categorical: False, True
Choice                             categorical: its values
Int, Float   linear, log           a range with the same step or logarithm
Int, Float   log and step          categorical: the exact values (Optuna has no multiplied steps)
Int, Float   reverse_log           the range of `low + high - value`, logarithmic, under the name `NAME
(mirrored)` Fixed                              nothing is asked
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import optuna
from keras_tuner.engine import hyperparameters as kinds
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sweeps.errors import InputError, shown

Number = int | float
Value = int | float | str | bool
TOLERANCE = 1e-8  # of a step: what Optuna grants a float on its way through a storage


@dataclass(frozen=True)
class Question:
    """What a trial is asked for one hyperparameter.

    Attributes:
        name: the parameter's name in the study.
        distribution: Optuna's.
        mirror: low + high where the study holds `mirror - value` (reverse_log), otherwise None.
    """

    name: str
    distribution: BaseDistribution
    mirror: float | None = None

    def ask(self, trial: optuna.trial.BaseTrial) -> Value:
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

    def recorded(self, value: Value) -> Value:
        """What the study must hold for the hyperparameter to be `value`."""
        if self.mirror is None:
            return value
        assert isinstance(value, Number)
        assert isinstance(self.distribution, IntDistribution | FloatDistribution)
        return _clipped(self.mirror - value, self.distribution)


def question(hp: kinds.HyperParameter, grid: bool = False, label: str | None = None) -> Question:
    """The question for one tunable hyperparameter.

    Args:
        hp: an Int, Float, Choice or Boolean.
        grid: whether a range without steps is cut into ten values, as KerasTuner's GridSearch does.
        label: the parameter's name in the study where that is not the hyperparameter's own.
    """
    name = label or study_name(hp.name)
    values = members(hp, grid)
    if values is not None:
        return Question(name, CategoricalDistribution(values))
    low, high, log = hp.min_value, hp.max_value, hp.sampling != "linear"
    if hp.sampling == "reverse_log":
        name, mirror = f"{name} (mirrored)", low + high
    else:
        mirror = None
    if isinstance(hp, kinds.Int):
        step = hp.step or 1
        return Question(name, IntDistribution(low, low + (high - low) // step * step, log=log, step=step), mirror)
    if hp.step is not None:
        high = at_step(hp, last_step(hp))
    return Question(name, FloatDistribution(low, high, log=log, step=hp.step), mirror)


def study_name(name: str) -> str:
    """A hyperparameter's name in the study: its own, with `~` where it looks like one that a study gives
    (`NAME (mirrored)`, `NAME [PARENT=VALUE]`)."""
    return f"{name}~" if re.search(r"( \(mirrored\)| \[.*=.*\])~*$", name) else name


def members(hp: kinds.HyperParameter, grid: bool = False) -> tuple[Value, ...] | None:
    """The values of a hyperparameter that is asked for as one of a list; None where it is as a range."""
    if isinstance(hp, kinds.Boolean):
        return (False, True)
    if isinstance(hp, kinds.Choice | kinds.Fixed):
        return tuple(hp.values)
    kind = int if isinstance(hp, kinds.Int) else float
    if hp.step is not None and hp.sampling != "linear":
        return tuple(sorted({kind(value) for value in hp.values}))
    if hp.step is None and grid:
        return tuple(sorted(set(hp.values)))  # KerasTuner's ten
    return None


def last_step(hp: kinds.HyperParameter) -> int:
    """How many steps of a linear range fit in it, 1.0 / 0.1 being ten in spite of floats."""
    return int((hp.max_value - hp.min_value) / hp.step + TOLERANCE)


def at_step(hp: kinds.HyperParameter, step: int) -> Number:
    """The value after so many steps of a linear range, in decimals: 0.3, not 0.30000000000000004.

    Optuna counts steps in decimals, and warns of a range that ends beside one.
    """
    value = Decimal(str(hp.min_value)) + step * Decimal(str(hp.step))
    return int(value) if isinstance(hp, kinds.Int) else float(value)


def typed(hp: kinds.HyperParameter, given: object) -> Value:
    """`given`, a value or its text, as the type that the hyperparameter has.

    Raises:
        InputError: it is no such value: "n_hidden must be an integer, got 'two'".
    """
    value: Value | None = None
    if isinstance(hp, kinds.Boolean):
        value = given if isinstance(given, bool) else {"true": True, "false": False}.get(str(given).lower())
        expected = "true or false"
    else:
        kind = {kinds.Int: int, kinds.Float: float}.get(type(hp)) or _kind(hp.default)
        expected = {int: "an integer", float: "a finite number", bool: "true or false"}.get(kind, "a text")
        value = _parsed(kind, given)
    if value is None:
        raise InputError(f"{hp.name} must be {expected}, got {shown(given)}")
    return value


def canonical(hp: kinds.HyperParameter, given: object, grid: bool = False) -> Value:
    """`given`, a value or its text, as the value of the hyperparameter that it names.

    Raises:
        InputError: it is of the wrong type or not among the allowed values, which are named.
    """
    value = typed(hp, given)
    values = members(hp, grid)
    if values is not None:
        found = next((member for member in values if same_value(member, value)), None)
    else:
        assert isinstance(value, Number)
        found = _on_range(hp, value)
    if found is None:
        allowed = describe(question(hp, grid)) if not isinstance(hp, kinds.Fixed) else f"only {hp.value!r}"
        raise InputError(f"{hp.name} must be one of the space's values, got {shown(given)}\nAllowed: {allowed}")
    return found


def default(hp: kinds.HyperParameter, grid: bool = False) -> Value:
    """The hyperparameter's default, or the allowed value that is nearest to it: KerasTuner takes a default between two
    steps."""
    if isinstance(hp, kinds.Fixed):
        return hp.value  # type: ignore[no-any-return]
    values = members(hp, grid)
    if values is None and hp.step is not None:
        values = tuple(at_step(hp, step) for step in (_step(hp, hp.default), last_step(hp)))
    if values is None or hp.default in values:
        return hp.default  # type: ignore[no-any-return]
    return min(values, key=lambda value: abs(as_number(value) - hp.default))


def as_number(value: Value) -> Number:
    """`value` where only a number can be."""
    assert isinstance(value, Number)
    return value


def same_value(one: Value, other: Value) -> bool:
    """Equal, floats up to their last digits."""
    if isinstance(one, float) and isinstance(other, Number):
        return math.isclose(one, other, rel_tol=1e-12)
    return one == other


def same_domain(one: kinds.HyperParameter, other: kinds.HyperParameter) -> bool:
    """Whether two declarations are of the same kind and allow the same values; their defaults may differ."""
    if type(one) is not type(other):
        return False
    if isinstance(one, kinds.Fixed):
        return bool(one.value == other.value)
    return question(one) == question(other)


def describe(asked: Question | BaseDistribution) -> str:
    """The allowed values in a few words: "16..512 (log)", "0.0..0.5 in steps of 0.05", "adam, sgd"."""
    domain = asked.distribution if isinstance(asked, Question) else asked
    if isinstance(domain, CategoricalDistribution):
        return ", ".join(str(choice) for choice in domain.choices)
    assert isinstance(domain, IntDistribution | FloatDistribution)
    text = f"{domain.low}..{domain.high}"
    if domain.log:
        mirrored = isinstance(asked, Question) and asked.mirror is not None
        return f"{text} ({'reverse_log' if mirrored else 'log'})"
    whole = isinstance(domain, IntDistribution) and domain.step == 1
    return text if domain.step is None or whole else f"{text} in steps of {domain.step}"


def conditions_text(conditions: Sequence[Any]) -> str:
    """The conditions of a hyperparameter in a few words: "optimizer=sgd, n_hidden=1|2"."""
    return ", ".join(f"{c.name}={'|'.join(str(value) for value in c.values)}" for c in conditions)


def _kind(value: Value) -> type:
    """NumPy's float64 is a float, as KerasTuner takes it: `np.linspace` gives choices."""
    return next(kind for kind in (bool, int, float, str) if isinstance(value, kind))


def _parsed(kind: type, given: object) -> Value | None:
    if kind is bool:
        return given if isinstance(given, bool) else {"true": True, "false": False}.get(str(given).lower())
    if kind is str:
        return given if isinstance(given, str) else None
    if isinstance(given, bool) or not isinstance(given, Number | str):
        return None
    try:
        if kind is int and not isinstance(given, float):
            return int(given)
        number = float(given)
    except (ValueError, OverflowError):  # an integer of 400 digits is no float
        return None
    if not math.isfinite(number):
        return None
    if kind is float:
        return number
    return int(number) if number == int(number) else None


def _on_range(hp: kinds.HyperParameter, value: Number) -> Value | None:
    if not hp.min_value <= value <= hp.max_value:
        return None
    if hp.step is None or hp.sampling != "linear":
        return value
    steps = _step(hp, value)
    nearest = hp.min_value + steps * hp.step
    return nearest if steps <= last_step(hp) and abs(value - nearest) <= TOLERANCE * hp.step else None


def _step(hp: kinds.HyperParameter, value: Number) -> int:
    """The step of a linear range that is nearest to a value."""
    return round((value - hp.min_value) / hp.step)  # type: ignore[no-any-return]


def _clipped(value: float, domain: IntDistribution | FloatDistribution) -> Number:
    """Into the range again, which low + high - value may leave in the last digit."""
    return type(domain.low)(min(max(value, domain.low), domain.high))
