"""Each section of KerasTuner's official guides runs here as it does with KerasTuner."""

from __future__ import annotations

from pathlib import Path

import pytest
from both import Rows, endings
from guide_sections import SECTIONS

pytestmark = [
    pytest.mark.slow,
    # KerasTuner's own use of `threading`
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning", "ignore:getName:DeprecationWarning"),
]


def test_there_are_as_many_sections_as_the_guides_have() -> None:
    assert len(SECTIONS) == 21


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_ends_as_with_keras_tuner(name: str, rows: Rows, tmp_path: Path) -> None:
    ended = endings(SECTIONS[name], rows, tmp_path)
    print(f"{name}: {type(ended.theirs).__name__} / {type(ended.ours).__name__}: {ended.ours}")
    # None, or the same kind of error, whatever more it is here
    assert isinstance(ended.ours, type(ended.theirs)), ended.ours
