"""Which hyperparameters a space has, found by asking it; and whether given values are a point of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras_tuner.engine import hyperparameters as kinds

from sweeps.errors import InputError, unknown
from sweeps.space.domains import Value, canonical, conditions_text, default, members, question, same_domain
from sweeps.space.hyperparameters import CheckedHyperParameters, label
from sweeps.space.narrowing import Narrowing

Space = dict[str, tuple[kinds.HyperParameter, ...]]
"""Full name -> its declarations: one, or several that differ in their conditions."""

Declare = Callable[[CheckedHyperParameters], object]
"""Asks for all hyperparameters of one model: a build function, or what `spaces.declaration` makes of one."""


class ProposedHyperParameters(CheckedHyperParameters):
    """Answered by the proposed values, and by (narrowed) defaults for all others.

    Args:
        grid: whether only values of the grid are allowed.
    """

    def __init__(self, values: Mapping[str, object], narrowings: Iterable[Narrowing] = (), grid: bool = False) -> None:
        super().__init__()
        self._proposed, self._grid = dict(values), grid
        self._narrowings = {narrowing.name: narrowing for narrowing in narrowings}

    def narrowed(self, hp: kinds.HyperParameter) -> kinds.HyperParameter:
        """The hyperparameter with only the values that `--set` leaves it."""
        return self._narrowings[hp.name].apply(hp) if hp.name in self._narrowings else hp

    def _answer(self, hp: kinds.HyperParameter) -> Value:
        hp = self.narrowed(hp)
        given = self._proposed
        return canonical(hp, given[hp.name], self._grid) if hp.name in given else default(hp, self._grid)


@dataclass
class _Found:
    """What has been seen so far; a scope is the list of its conditions."""

    space: Space = field(default_factory=dict)
    scopes: list[list[Any]] = field(default_factory=list)
    entered: list[list[Any]] = field(default_factory=list)


def discover(declare: Declare, wanted: Iterable[str] = (), first: ProposedHyperParameters | None = None) -> Space:
    """All hyperparameters that a space can declare, conditional ones included.

    As KerasTuner does, each conditional scope is entered once. A hyperparameter that exists only for certain
    values of another one without a scope (`for i in range(hp.Int("layers", 1, 9))`) is looked for while one
    of `wanted` is missing.

    Args:
        declare: called with one container for each model that is tried.
        wanted: names that ought to be found.
        first: the container for the first model, which is built of the default values.
    """
    found = _Found()
    _explore(declare, {}, found, first)
    while pending := [scope for scope in found.scopes if scope not in found.entered]:
        found.entered.append(pending[0])  # tried once, whether or not its parent ever takes that value
        _explore(declare, {condition.name: condition.values[0] for condition in pending[0]}, found)
    names = set(wanted)
    for values in _variations(found.space):
        if names <= found.space.keys():
            break
        _explore(declare, values, found)
    return found.space


def ambiguous(space: Space) -> frozenset[str]:
    """Names that are declared with different values under different conditions."""
    return frozenset(name for name, hps in space.items() if any(not same_domain(hps[0], other) for other in hps[1:]))


@dataclass(frozen=True)
class Point:
    """One trial's hyperparameters, all of those that are active.

    Attributes:
        params: for `study.enqueue_trial`, which makes the trial draw exactly these.
        filled: what was not given and has its default, by name; without what has one value only.
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
    """Given values and the (narrowed) defaults of all other hyperparameters that are active with them.

    Raises:
        InputError: an unknown name, a value out of range, not on the grid or of the wrong type, or a name that is
            inactive here.
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
    shared, params, filled = ambiguous(space), {}, {}
    for name, declared in active.items():
        hp, value = proposed.narrowed(declared), proposed.values[name]
        if isinstance(hp, kinds.Fixed):
            continue
        asked = question(hp, grid, label(hp, shared))
        params[asked.name] = asked.recorded(value)
        if name not in values and not asked.distribution.single():
            filled[name] = value
    return Point(params, filled)


def _explore(
    declare: Declare, values: Mapping[str, object], found: _Found, hp: ProposedHyperParameters | None = None
) -> None:
    possible = {name: value for name, value in values.items() if _allowed(found.space, name, value)}
    hp = hp or ProposedHyperParameters(possible)
    declare(hp)
    for declared in hp.space:
        known = found.space.get(declared.name, ())
        if all(declared.conditions != other.conditions for other in known):
            found.space[declared.name] = (*known, declared)
    found.entered.extend(hp.active_scopes)
    found.scopes.extend(scope for scope in hp.inactive_scopes if scope not in found.scopes)


def _allowed(space: Space, name: str, value: object) -> bool:
    try:
        return all(canonical(hp, value) is not None for hp in space[name])
    except InputError:  # a scope for a value that its parent never takes
        return False


def _variations(space: Space) -> Iterator[dict[str, object]]:
    """Each integer at its highest, one at a time, then all other choices.

    All integers at their highest at once may be a model too large to build.
    """
    choices: dict[str, Sequence[object]] = {}
    for name, (hp, *_) in list(space.items()):
        if isinstance(hp, kinds.Int):
            yield {name: (members(hp) or (hp.max_value,))[-1]}
        elif not isinstance(hp, kinds.Float):
            choices[name] = members(hp) or ()
    for turn in range(max(map(len, choices.values()), default=0)):
        yield {name: values[turn % len(values)] for name, values in choices.items()}
