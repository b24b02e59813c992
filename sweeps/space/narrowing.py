"""`--set NAME=…`: a hyperparameter restricted to some of its values.

--set n_hidden=1..4            a range, both ends included
--set optimizer=adam           one value
--set n_neurons=64,128,256     several values
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_tuner.engine import hyperparameters as kinds

from sweeps.errors import InputError, unknown
from sweeps.space.declarations import check_different
from sweeps.space.domains import (
    TOLERANCE,
    Number,
    Value,
    as_number,
    at_step,
    canonical,
    describe,
    last_step,
    listed_values,
    study_parameter,
    typed,
)
from sweeps.space.set_option import split


@dataclass(frozen=True)
class Narrowing:
    """A hyperparameter's name and its allowed values as text; `str()` gives the `--set` argument back."""

    name: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.name}={self.allowed}"

    def apply(self, hp: kinds.HyperParameter) -> kinds.HyperParameter:
        """A copy of `hp` with only the allowed values; kind, step and sampling stay.

        Several values of a range become a Choice, a single boolean becomes Fixed. A range whose ends are not on a
        step of the space is reduced to the steps within.

        Raises:
            InputError: the allowed values are not among the space's.
        """
        try:
            return self._apply(hp)
        except InputError as error:
            argument = str(self) if len(str(self)) <= 100 else f"{self.name}=…"
            raise InputError(f"--set {argument}: {error}") from None

    def check(self, value: object, declared: Iterable[kinds.HyperParameter]) -> None:
        """Compare a value that the space has with the allowed ones.

        Raises:
            InputError: no declaration of the hyperparameter, narrowed, has it; the message names the `--set` that does.
        """
        for hp in declared:
            canonical(hp, value)
            with contextlib.suppress(InputError):
                canonical(self._apply(hp), value)
                return
        low, dots, high = self.allowed.partition("..")
        wider = f"{self.allowed},{value}"
        if dots:
            low, high = (end(low, str(value), key=float) for end in (min, max))
            wider = f"{low}..{high}"
        raise InputError(f"{self.name} is kept at {self.allowed}: free it by --set {self.name}={wider}")

    def _apply(self, hp: kinds.HyperParameter) -> kinds.HyperParameter:
        if isinstance(hp, kinds.Fixed):
            raise InputError(f"{hp.name} is fixed at {hp.value!r} by the space")
        if ".." in self.allowed and self.allowed not in map(str, listed_values(hp) or ()):
            return _between(hp, *self._ends(hp))
        values = self._values(hp)
        if isinstance(hp, kinds.Boolean):
            return hp if len(values) == 2 else kinds.Fixed(hp.name, values[0], conditions=hp.conditions)
        if isinstance(hp, kinds.Choice) or len(values) > 1:
            return _choice(hp, values)
        return _between(hp, as_number(values[0]), as_number(values[0]))

    def _ends(self, hp: kinds.HyperParameter) -> tuple[Number, Number]:
        if not isinstance(hp.default, int | float) or isinstance(hp.default, bool):
            raise InputError(f"LOW..HIGH is for numbers\nAllowed: {describe(study_parameter(hp))}")
        low, high = (as_number(typed(hp, text.strip())) for text in self.allowed.split("..", 1))
        if low > high:
            raise InputError(f"low <= high must hold, got low={low}, high={high}")
        ends = hp.values if isinstance(hp, kinds.Choice) else (hp.min_value, hp.max_value)
        if low < min(ends) or high > max(ends):
            raise InputError(f"the range must lie within the space's\nAllowed: {describe(study_parameter(hp))}")
        return low, high

    def _values(self, hp: kinds.HyperParameter) -> list[Value]:
        by_text = {str(value): value for value in listed_values(hp) or ()}
        if self.allowed in by_text:  # also a text with a comma or two dots in it
            return [by_text[self.allowed]]
        values = [canonical(hp, part.strip()) for part in self.allowed.split(",")]
        check_different("values", values)
        return values


def parse_narrowing(text: str) -> Narrowing:
    """Parse one `--set` argument, without comparing it with a space.

    Raises:
        InputError: it is not of the form NAME=….
    """
    return Narrowing(*split(text))


def narrowings_of(texts: Iterable[str], space: object) -> tuple[Narrowing, ...]:
    """The `--set` arguments, followed by the values that a registered space keeps unless `--set` names them.

    Raises:
        InputError: see `parse_narrowing`.
    """
    narrowings = tuple(map(parse_narrowing, texts))
    names = {narrowing.name for narrowing in narrowings}
    kept = getattr(space, "kept", None)
    kept = kept if isinstance(kept, Mapping) else {}  # a user's space may have another attribute of that name
    return (*narrowings, *(Narrowing(name, value) for name, value in kept.items() if name not in names))


def check_narrowings(narrowings: Iterable[Narrowing], space: Mapping[str, Sequence[kinds.HyperParameter]]) -> None:
    """Compare narrowings with a discovered space.

    Raises:
        InputError: a name is unknown or repeated, or the space does not have the values.
    """
    firsts: dict[str, Narrowing] = {}
    for narrowing in narrowings:
        earlier = firsts.setdefault(narrowing.name, narrowing)
        if earlier is not narrowing:
            raise InputError(f"--set must name a hyperparameter once, got {earlier} and {narrowing}")
        if narrowing.name not in space:
            raise unknown("hyperparameter", narrowing.name, space)
        for declared in space[narrowing.name]:
            narrowing.apply(declared)


def _between(hp: kinds.HyperParameter, low: Number, high: Number) -> kinds.HyperParameter:
    """The hyperparameter with its values from low to high, both within its range."""
    values = listed_values(hp)
    if values is not None:
        within = [value for value in map(as_number, values) if low <= value <= high]
        # the steps of reverse_log count from the high end: a part is no such range
        if isinstance(hp, kinds.Choice) or hp.sampling == "reverse_log":
            return _choice(hp, within)
        low, high = _first_and_last(hp, within)
    elif hp.step is not None:
        first = math.ceil((low - hp.min_value) / hp.step - TOLERANCE)
        last = min(math.floor((high - hp.min_value) / hp.step + TOLERANCE), last_step(hp))
        low, high = _first_and_last(hp, [at_step(hp, step) for step in (first, last) if first <= last])
    default = min(max(hp.default, low), high)
    return type(hp)(hp.name, low, high, step=hp.step, sampling=hp.sampling, default=default, conditions=hp.conditions)


def _first_and_last(hp: kinds.HyperParameter, values: Sequence[Any]) -> tuple[Any, Any]:
    if not values:
        raise InputError(f"no value of the space lies in it\nAllowed: {describe(study_parameter(hp))}")
    return values[0], values[-1]


def _choice(hp: kinds.HyperParameter, values: Sequence[Value]) -> kinds.Choice:
    first, _ = _first_and_last(hp, values)
    default = hp.default if hp.default in values else first
    ordered = hp.ordered if isinstance(hp, kinds.Choice) else None
    return kinds.Choice(hp.name, list(values), ordered=ordered, default=default, conditions=hp.conditions)
