"""The data of a search in this process, as far as they are known: for the models that it logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from sweeps.tuner.arrays import read

_UNKNOWN: Mapping[str, Any] = {
    "target": "unknown",
    "task": "",
    "labels": None,
    "form": "given",
    "features": None,
    "inputs": {},
    "reading": None,
}


@dataclass(frozen=True)
class Described:
    """What is known of the data.

    Attributes:
        about: as a study keeps it.
        example: the first rows of the input; None: unknown.
    """

    about: Mapping[str, Any] = field(default_factory=lambda: _UNKNOWN)
    example: Any = None

    @classmethod
    def of(cls, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Described:
        """From the arguments of `search`, which `run_trial` may use for whatever it likes."""
        from sweeps.trial.fit_rows import ROWS
        from sweeps.trial.preflight import description

        if not args and "x" not in kwargs:
            return cls()
        try:
            dataset, _, _ = read(args, kwargs, lambda count: tuple(f"input_{number}" for number in range(count)), True)
            example = keras.tree.map_structure(lambda column: column[:ROWS], dataset.train.x)
            return cls(description(dataset), example)
        except Exception:  # these arguments may be anything
            return cls()
