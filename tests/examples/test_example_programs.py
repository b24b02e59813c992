"""Each program in `examples/` runs as it stands, in an empty folder."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support import ROOT, Workspace

EXAMPLES = ROOT / "examples"

#: what each prints last
SAID = {
    "first_sweep.py": "exported to",
    "keras_tuner_code.py": "validation accuracy",
    "own_model.py": "predicted",
    "regression_table.py": "predict with: sweeps predict --model exports/regression-table diabetes.csv",
    "several_outputs.py": "even",
}


def test_every_example_is_run() -> None:
    assert {file.name for file in EXAMPLES.glob("*.py")} == set(SAID)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAID)
def test_an_example_runs_in_an_empty_folder(name: str, workspace: Workspace) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        cwd=workspace.folder,
        env=workspace.environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert SAID[name] in done.stdout.splitlines()[-1]
