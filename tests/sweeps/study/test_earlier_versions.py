"""What an earlier version has left on disk is worked with on.

`tests/data/study-of-0.1.tar.xz` is the workspace of
`sweeps run before --trials 3 --epochs 2 --jobs 1 --set n_hidden=1 --set n_neurons=32 --pruner none` in the version of
which `sweeps/` was one folder of modules.
"""

from __future__ import annotations

import tarfile

import pytest
from support import ROOT, Workspace

LEFT = ROOT / "tests/data/study-of-0.1.tar.xz"


@pytest.mark.slow
def test_a_study_of_an_earlier_version_is_resumed_and_its_best_exported(workspace: Workspace) -> None:
    with tarfile.open(LEFT) as archive:
        archive.extractall(workspace.folder, filter="data")
    before = workspace.json("best", "before")
    options = ("--epochs", "2", "--jobs", "1", "--set", "n_hidden=1", "--set", "n_neurons=32", "--pruner", "none")

    resumed = workspace.sweeps("run", "before", "--trials", "4", *options)

    assert resumed.returncode == 0, resumed.stderr
    assert workspace.json("status", "before")["trials"]["COMPLETE"] == 4
    assert workspace.json("best", "before")["value"] >= before["value"]
    exported = workspace.sweeps("export", "before")
    assert exported.returncode == 0, exported.stderr
    checked = workspace.sweeps("doctor", "before")
    assert checked.returncode == 0, checked.stdout
