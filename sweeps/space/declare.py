"""`python -m sweeps.space.declare`: what the registered spaces declare, for `sweeps.space.registered`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from keras_tuner.engine import hyperparameters as kinds

import search_spaces
from search_spaces import DataSpec, InputSpec
from search_spaces.registry import SPACES
from sweeps.space.discovery import ProposedHyperParameters, discover
from sweeps.space.domains import describe, listed_values, study_parameter
from sweeps.space.resolve import declaration

FILE = Path(search_spaces.__file__).parent / "declared.json"

_COLUMNS, _ROWS = 8, 15
#: beside label smoothing, which is for classes, what a space declares does not depend on the data
_SPEC = DataSpec(InputSpec((_COLUMNS,), "float32", (0.0,) * _COLUMNS, (1.0,) * _COLUMNS), "sparse", 3)


def declared() -> dict[str, dict[str, Any]]:
    """By space and hyperparameter: its type, its values or its range, and the text of them for messages."""
    return {name: _of_space(make(_SPEC)) for name, make in SPACES.items()}


def _of_space(space: Any) -> dict[str, Any]:
    x, y = np.zeros((_ROWS, _COLUMNS), np.float32), np.zeros(_ROWS, np.int32)
    declare = declaration(space, x, y, validation_data=(x, y), epochs=1, callbacks=[], verbose=0)
    found = discover(declare, (), ProposedHyperParameters({}))
    return {name: _of(*declarations) for name, declarations in sorted(found.items())}


def _of(hp: kinds.HyperParameter) -> dict[str, Any]:
    values = listed_values(hp)
    domain = {"low": hp.min_value, "high": hp.max_value} if values is None else {"values": list(values)}
    step = {"step": hp.step} if values is None and hp.step is not None and hp.step != 1 else {}
    return {"type": type(hp.default).__name__, **domain, **step, "allowed": describe(study_parameter(hp))}


if __name__ == "__main__":
    FILE.write_text(json.dumps(declared(), indent=1) + "\n", encoding="utf-8")
