"""What people do with KerasTuner in public scripts ends here as it does there."""

from __future__ import annotations

from pathlib import Path

import pytest
import scripts_of_data
import scripts_of_searches
from both import Rows, endings
from public_scripts import SCRIPTS

__all__ = ["scripts_of_data", "scripts_of_searches"]  # each adds its own

pytestmark = [
    pytest.mark.slow,
    # KerasTuner's own use of `threading`
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning", "ignore:getName:DeprecationWarning"),
]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_finds_what_it_finds_with_keras_tuner(name: str, rows: Rows, tmp_path: Path) -> None:
    ended = endings(SCRIPTS[name], rows, tmp_path)
    assert not isinstance(ended.theirs, Exception), ended.theirs
    assert ended.ours == ended.theirs
