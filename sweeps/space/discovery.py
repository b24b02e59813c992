"""The discovery of a space's hyperparameters by building its models, and checks of proposed values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras_tuner.engine import hyperparameters as kinds

from sweeps.errors import InputError, unknown
from sweeps.space.domains import (
    Value,
    canonical,
    conditions_text,
    default,
    listed_values,
    same_domain,
    study_parameter,
)
from sweeps.space.hyperparameters import CheckedHyperParameters, label
from sweeps.space.narrowing import Narrowing

Space = dict[str, tuple[kinds.HyperParameter, ...]]
"""Full name -> its declarations: one, or several under different conditions."""

Declare = Callable[[CheckedHyperParameters], object]
"""Declares all hyperparameters of one model: a build function, or the result of `resolve.declaration`."""


class ProposedHyperParameters(CheckedHyperParameters):
    """Hyperparameters with proposed values; the others have their (narrowed) defaults.

    Args:
        values: by full name.
        narrowings: of `--set`.
        grid: allow only values on the grid.
    """

    def __init__(self, values: Mapping[str, object], narrowings: Iterable[Narrowing] = (), grid: bool = False) -> None:
        super().__init__(narrowings)
        self._proposed, self._grid = dict(values), grid

    def _answer(self, hp: kinds.HyperParameter) -> Value:
        if hp.name in self._proposed:
            return canonical(hp, self._proposed[hp.name], self._grid)
        return default(hp, self._grid)


@dataclass
class _Exploration:
    """The declarations and conditional scopes found so far; a scope is the list of its conditions."""

    space: Space = field(default_factory=dict)
    scopes: list[list[Any]] = field(default_factory=list)
    entered: list[list[Any]] = field(default_factory=list)

    def explore(
        self, declare: Declare, values: Mapping[str, object], hp: ProposedHyperParameters | None = None
    ) -> None:
        """Declare one model with these values, and record what is new."""
        hp = hp or ProposedHyperParameters({name: value for name, value in values.items() if self._allows(name, value)})
        declare(hp)
        for declared in hp.space:
            known = self.space.get(declared.name, ())
            if all(declared.conditions != other.conditions for other in known):
                self.space[declared.name] = (*known, declared)
        self.entered.extend(hp.active_scopes)
        self.scopes.extend(scope for scope in hp.inactive_scopes if scope not in self.scopes)

    def _allows(self, name: str, value: object) -> bool:
        try:
            return all(canonical(hp, value) is not None for hp in self.space[name])
        except InputError:  # a scope for a value that its parent does not have
            return False


def discover(declare: Declare, wanted: Iterable[str] = (), first: ProposedHyperParameters | None = None) -> Space:
    """Find all hyperparameters that a space can declare, conditional ones included.

    Each conditional scope is entered once, as in KerasTuner. Hyperparameters that depend on others without a scope
    (`for i in range(hp.Int("layers", 1, 9))`) are searched for while a `wanted` one is missing.

    Args:
        declare: called with one container for each model that is tried.
        wanted: names of hyperparameters that should be found.
        first: the container for the first model, which is built with the default values.
    """
    found = _Exploration()
    found.explore(declare, {}, first)
    while pending := [scope for scope in found.scopes if scope not in found.entered]:
        found.entered.append(pending[0])  # tried once, even if its parent cannot have that value
        found.explore(declare, {condition.name: condition.values[0] for condition in pending[0]})
    names = set(wanted)
    for values in _variations(found.space):
        if names <= found.space.keys():
            break
        found.explore(declare, values)
    return found.space


def ambiguous(space: Space) -> frozenset[str]:
    """The names that are declared with different values under different conditions."""
    return frozenset(name for name, hps in space.items() if any(not same_domain(hps[0], other) for other in hps[1:]))


@dataclass(frozen=True)
class Point:
    """The active hyperparameters of one trial.

    Attributes:
        params: for `study.enqueue_trial`, so that the trial draws exactly these.
        filled: the hyperparameters that were not given and have their default, without those with a single value.
    """

    params: Mapping[str, Value]
    filled: Mapping[str, Value]


def point(
    declare: Declare,
    space: Space,
    values: Mapping[str, object],
    narrowings: Iterable[Narrowing] = (),
    grid: bool = False,
) -> Point:
    """Complete given values by the (narrowed) defaults of all other active hyperparameters.

    Raises:
        InputError: a name is unknown or inactive, or a value has the wrong type or is not allowed.
    """
    for name in values:
        if name not in space:
            raise unknown("hyperparameter", name, space)
    proposed = ProposedHyperParameters(values, narrowings, grid)
    declare(proposed)
    active = proposed.active_declarations
    for name in values:
        if name not in active:
            needs = " or ".join(conditions_text(hp.conditions) for hp in space[name] if hp.conditions)
            raise InputError(f"{name} is inactive with the other values given; it needs {needs or 'other values'}")
    several, params, filled = ambiguous(space), {}, {}
    for name, declared in active.items():
        hp, value = proposed.narrowed(declared), proposed.values[name]
        if isinstance(hp, kinds.Fixed):
            continue
        parameter = study_parameter(hp, grid, label(hp, several))
        params[parameter.name] = parameter.stored(value)
        if name not in values and not parameter.distribution.single():
            filled[name] = value
    return Point(params, filled)


def _variations(space: Space) -> Iterator[dict[str, object]]:
    """Values to try: each integer at its highest, one at a time, then all other choices.

    With all integers at their highest the model may be too large to build.
    """
    choices: dict[str, Sequence[object]] = {}
    for name, (hp, *_) in list(space.items()):
        if isinstance(hp, kinds.Int):
            yield {name: (listed_values(hp) or (hp.max_value,))[-1]}
        elif not isinstance(hp, kinds.Float):
            choices[name] = listed_values(hp) or ()
    for turn in range(max(map(len, choices.values()), default=0)):
        yield {name: values[turn % len(values)] for name, values in choices.items()}
