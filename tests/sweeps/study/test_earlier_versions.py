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
def test_a_study_of_an_earlier_version_is_read_and_its_best_exported(workspace: Workspace) -> None:
    with tarfile.open(LEFT) as archive:
        archive.extractall(workspace.folder, filter="data")
    assert workspace.json("status", "before")["trials"]["COMPLETE"] == 3
    assert workspace.json("best", "before")["value"] > 0.5
    exported = workspace.sweeps("export", "before")
    assert exported.returncode == 0, exported.stderr
    checked = workspace.sweeps("doctor", "before")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.slow
def test_a_study_whose_registered_space_has_changed_with_the_version_is_left_as_it_is(workspace: Workspace) -> None:
    with tarfile.open(LEFT) as archive:
        archive.extractall(workspace.folder, filter="data")
    options = ("--epochs", "2", "--jobs", "1", "--set", "n_hidden=1", "--set", "n_neurons=32", "--pruner", "none")
    refused = workspace.sweeps("run", "before", "--trials", "4", *options)
    assert refused.returncode == 2
    assert (
        "hyperparameter learning_rate: 'Float 0.0003..0.03 (log)' then, 'Float 1e-05..0.1 (log)' now" in refused.stderr
    )
    assert "name a new study" in refused.stderr
    assert workspace.json("status", "before")["trials"]["COMPLETE"] == 3
