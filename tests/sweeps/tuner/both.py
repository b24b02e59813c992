"""Programs that are run with `keras_tuner` and with `sweeps.tuner`, to compare how they end."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import keras_tuner

import sweeps.tuner


@dataclass(frozen=True)
class Rows:
    """`(x, y)` to train and to validate with: 300 and 100 digits."""

    train: tuple[Any, Any]
    valid: tuple[Any, Any]


#: takes the module, data and a folder; raises where the person's program would, and returns what it found
Program = Callable[[Any, Rows, Path], Any]


@dataclass(frozen=True)
class Endings:
    """What the program returned, or the error that it raised."""

    theirs: Any
    ours: Any


def endings(program: Program, rows: Rows, folder: Path) -> Endings:
    """Run the program with both modules.

    Raises:
        AssertionError: of the program itself.
    """
    return Endings(
        *(_ending(module, program, rows, folder / module.__name__) for module in (keras_tuner, sweeps.tuner))
    )


def _ending(module: Any, program: Program, rows: Rows, folder: Path) -> Any:
    keras.utils.clear_session()
    folder.mkdir()
    try:
        with warnings.catch_warnings():
            if module is keras_tuner:  # its weights are loaded without those of the optimizer
                warnings.simplefilter("ignore")
            return program(module, rows, folder)
    except AssertionError:
        raise
    except Exception as error:
        return error
