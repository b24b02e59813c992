"""Each section of KerasTuner's official guides runs here as it does with KerasTuner."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import pytest
from guide_sections import SECTIONS

import sweeps.tuner

pytestmark = [
    pytest.mark.slow,
    # KerasTuner's own use of `threading`
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning", "ignore:getName:DeprecationWarning"),
]


@dataclass(frozen=True)
class Rows:
    """`(x, y)` to train and to validate with."""

    train: tuple[Any, Any]
    valid: tuple[Any, Any]


@pytest.fixture(scope="module")
def rows(digits: Any) -> Rows:
    return Rows((digits.x[:300], digits.y[:300]), (digits.x[300:400], digits.y[300:400]))


def ending(module: Any, name: str, rows: Rows, folder: Path) -> Exception | None:
    """What the section raises."""
    keras.utils.clear_session()
    try:
        with warnings.catch_warnings():
            if module is keras_tuner:  # its weights are loaded without those of the optimizer
                warnings.simplefilter("ignore")
            SECTIONS[name](module, rows, folder)
    except AssertionError:
        raise
    except Exception as error:
        return error
    return None


def test_there_are_as_many_sections_as_the_guides_have() -> None:
    assert len(SECTIONS) == 21


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_ends_as_with_keras_tuner(name: str, rows: Rows, tmp_path: Path) -> None:
    theirs = ending(keras_tuner, name, rows, tmp_path / "theirs")
    ours = ending(sweeps.tuner, name, rows, tmp_path / "ours")
    print(f"{name}: {type(theirs).__name__} / {type(ours).__name__}: {ours}")
    if theirs is None:
        assert ours is None, ours
    else:
        # the same kind, whatever more it is here
        assert isinstance(ours, type(theirs)), ours
