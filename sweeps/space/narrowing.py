"""`--set NAME=…`: a hyperparameter of a space kept to a part of its values.

--set n_hidden=1..4            a range, both ends included
--set optimizer=adam           one value
--set n_neurons=64,128,256     some values
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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
    members,
    question,
    typed,
)


@dataclass(frozen=True)
class Narrowing:
    """One hyperparameter's name, and what it is kept to, as it was written. `str()` gives the text back."""

    name: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.name}={self.allowed}"

    def apply(self, hp: kinds.HyperParameter) -> kinds.HyperParameter:
        """A copy of `hp` with only the allowed values; kind, step and sampling stay.

        Several values of a range become a Choice, one of two booleans becomes Fixed. A range that does not
        begin or end on a step of the space is cut to the steps within.

        Raises:
            InputError: the text is no part of the space's values.
        """
        try:
            return self._applied(hp)
        except InputError as wrong:
            given = str(self) if len(str(self)) <= 100 else f"{self.name}=…"
            raise InputError(f"--set {given}: {wrong}") from None

    def _applied(self, hp: kinds.HyperParameter) -> kinds.HyperParameter:
        if isinstance(hp, kinds.Fixed):
            raise InputError(f"{hp.name} is fixed at {hp.value!r} by the space")
        if ".." in self.allowed and self.allowed not in map(str, members(hp) or ()):
            low, high = self._ends(hp)
            return _between(hp, low, high)
        values = self._values(hp)
        if isinstance(hp, kinds.Boolean):
            return hp if len(values) == 2 else kinds.Fixed(hp.name, values[0], conditions=hp.conditions)
        if isinstance(hp, kinds.Choice):
            return _choice(hp, values, hp.ordered)
        if len(values) > 1:
            return _choice(hp, values, None)
        return _between(hp, as_number(values[0]), as_number(values[0]))

    def _ends(self, hp: kinds.HyperParameter) -> tuple[Number, Number]:
        if not isinstance(hp.default, int | float) or isinstance(hp.default, bool):
            raise InputError(f"LOW..HIGH is for numbers\nAllowed: {describe(question(hp))}")
        low, high = (as_number(typed(hp, text.strip())) for text in self.allowed.split("..", 1))
        if low > high:
            raise InputError(f"low <= high must hold, got low={low}, high={high}")
        ends = hp.values if isinstance(hp, kinds.Choice) else (hp.min_value, hp.max_value)
        if low < min(ends) or high > max(ends):
            raise InputError(f"the range must lie within the space's\nAllowed: {describe(question(hp))}")
        return low, high

    def _values(self, hp: kinds.HyperParameter) -> list[Value]:
        choices = {str(member): member for member in members(hp) or ()}
        if self.allowed in choices:  # also a text with a comma or two dots in it
            return [choices[self.allowed]]
        values = [canonical(hp, part.strip()) for part in self.allowed.split(",")]
        check_different("values", values)
        return values


def parse_narrowing(text: str) -> Narrowing:
    """What was written after one `--set`, not yet compared with a space.

    Raises:
        InputError: it is not of the form NAME=….
    """
    name, equals, allowed = (part.strip() for part in text.partition("="))
    if not (name and equals and allowed):
        raise InputError(f"--set must be NAME=VALUE, NAME=LOW..HIGH or NAME=A,B,C, got {text!r}")
    return Narrowing(name, allowed)


def narrowings_of(texts: Iterable[str], space: object) -> tuple[Narrowing, ...]:
    """What `--set` asks for; after it what a space of ours keeps at one value because nothing else was asked.

    Raises:
        InputError: as `parse_narrowing`.
    """
    asked = tuple(map(parse_narrowing, texts))
    names = {narrowing.name for narrowing in asked}
    kept = getattr(space, "kept", None)
    kept = kept if isinstance(kept, Mapping) else {}  # a person's own space may have one that means something else
    return (*asked, *(Narrowing(name, value) for name, value in kept.items() if name not in names))


def check_narrowings(narrowings: Iterable[Narrowing], space: Mapping[str, Sequence[kinds.HyperParameter]]) -> None:
    """Compares narrowings with a discovered space.

    Raises:
        InputError: an unknown name, one that comes twice, or values that the space does not have.
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
    """Only values from low to high, both within the space's range."""
    listed = members(hp)
    if listed is not None:
        values = [value for value in map(as_number, listed) if low <= value <= high]
        if isinstance(hp, kinds.Choice):
            return _choice(hp, values, hp.ordered)
        if hp.sampling == "reverse_log":  # its steps count from the high end: a part is no such range
            return _choice(hp, values, None)
        low, high = _ends_of(hp, values)
    elif hp.step is not None:
        first = math.ceil((low - hp.min_value) / hp.step - TOLERANCE)
        last = min(math.floor((high - hp.min_value) / hp.step + TOLERANCE), last_step(hp))
        low, high = _ends_of(hp, [at_step(hp, step) for step in (first, last) if first <= last])
    default = min(max(hp.default, low), high)
    return type(hp)(hp.name, low, high, step=hp.step, sampling=hp.sampling, default=default, conditions=hp.conditions)


def _ends_of(hp: kinds.HyperParameter, values: Sequence[Number]) -> tuple[Number, Number]:
    if not values:
        raise InputError(f"no value of the space lies in it\nAllowed: {describe(question(hp))}")
    return values[0], values[-1]


def _choice(hp: kinds.HyperParameter, values: Sequence[Value], ordered: bool | None) -> kinds.Choice:
    if not values:
        raise InputError(f"no value of the space lies in it\nAllowed: {describe(question(hp))}")
    default = hp.default if hp.default in values else values[0]
    return kinds.Choice(hp.name, list(values), ordered=ordered, default=default, conditions=hp.conditions)
