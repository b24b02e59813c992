"""What the registered spaces declare, so that a wrong `--set` is refused at once.

The check of a sweep builds models, for which a worker imports TensorFlow; that takes a while. The file
`search_spaces/declared.json` says the same of registered spaces, as `python -m sweeps.space.declare` writes it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from sweeps.errors import InputError, shown, unknown
from sweeps.space.set_option import split

#: what `--set` may name though no space declares it
_EPOCHS = "epochs"
_TYPES = {"int": "an integer", "float": "a finite number", "bool": "true or false", "str": "a text"}


def check_set(space: str, texts: Sequence[str]) -> None:
    """Refuse what a registered space does not have. What is not seen here, the check of the sweep sees.

    Args:
        space: its name; of another space nothing is known.
        texts: the arguments of `--set`.

    Raises:
        InputError: an argument is not NAME=…, or names a hyperparameter or values that the space does not have.
    """
    given = [split(text) for text in texts]
    declared = json.loads((files("search_spaces") / "declared.json").read_text(encoding="utf-8")).get(space)
    if declared is None:
        return
    # one for each column of the data, whose names are not known here: `features/0`, …
    prefixes = tuple({name[: name.index("/") + 1] for name in declared if "/" in name})
    for name, allowed in given:
        if name == _EPOCHS or (name not in declared and name.startswith(prefixes)):
            continue
        if name not in declared:
            raise unknown("hyperparameter", name, declared)
        try:
            _check(name, allowed, declared[name])
        except InputError as error:
            argument = f"{name}={allowed if len(allowed) <= 100 else '…'}"
            raise InputError(f"--set {argument}: {error}") from None


def _check(name: str, allowed: str, declared: Mapping[str, Any]) -> None:
    """Compare `1..4` or `a,b` with what is declared."""
    values, text = declared.get("values"), declared["allowed"]
    if allowed in map(str, values or ()):
        return
    if ".." not in allowed:
        for part in map(str.strip, allowed.split(",")):
            if not _has(declared, _typed(name, part, declared["type"])):
                raise InputError(f"{name} must be one of the space's values, got {shown(part)}\nAllowed: {text}")
        return
    if declared["type"] not in ("int", "float"):
        raise InputError(f"LOW..HIGH is for numbers\nAllowed: {text}")
    low, high = (_typed(name, part.strip(), declared["type"]) for part in allowed.split("..", 1))
    least, most = (min(values), max(values)) if values is not None else (declared["low"], declared["high"])
    if low > high:
        raise InputError(f"low <= high must hold, got low={low}, high={high}")
    if low < least or high > most:
        raise InputError(f"the range must lie within the space's\nAllowed: {text}")


def _has(declared: Mapping[str, Any], value: Any) -> bool:
    if "values" in declared:
        return value in declared["values"]
    if not declared["low"] <= value <= declared["high"]:
        return False
    steps = (value - declared["low"]) / declared.get("step", math.inf)
    return math.isclose(steps, round(steps), abs_tol=1e-8)


def _typed(name: str, text: str, kind: str) -> Any:
    """Raises: InputError: the text is no value of this type."""
    try:
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        value = {"int": int, "float": float, "str": str}[kind](text)
        if kind == "float" and not math.isfinite(value):
            raise ValueError(text)
    except (KeyError, ValueError):
        raise InputError(f"{name} must be {_TYPES[kind]}, got {shown(text)}") from None
    return value
