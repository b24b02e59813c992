"""Values of another space's hyperparameters, as far as a space takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sweeps.errors import InputError
from sweeps.space.discovery import Declare, ProposedHyperParameters, Space
from sweeps.space.domains import Value, default
from sweeps.space.narrowing import Narrowing


class _Fitting(ProposedHyperParameters):
    """Hyperparameters with the proposed values that they can have; the others have their defaults.

    Attributes:
        refused: names of those that cannot.
    """

    def __init__(self, values: Mapping[str, object], narrowings: Iterable[Narrowing], grid: bool) -> None:
        super().__init__(values, narrowings, grid)
        self.refused: set[str] = set()

    def _answer(self, hp: object) -> Value:
        try:
            return super()._answer(hp)
        except InputError:
            self.refused.add(hp.name)  # type: ignore[attr-defined]
            return default(hp, self._grid)


def fitting(
    declare: Declare, space: Space, values: Mapping[str, object], narrowings: Iterable[Narrowing], grid: bool
) -> dict[str, object]:
    """The values that a trial of the space can have, given beside each other; for `discovery.point`."""
    proposed = _Fitting(values, narrowings, grid)
    declare(proposed)
    taken = (proposed.active_declarations.keys() & space.keys()) - proposed.refused
    return {name: value for name, value in values.items() if name in taken}
