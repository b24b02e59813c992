"""The client itself is killed, where nothing but the order of its writes can save it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from faults.conftest import PacedSweep
from invariant import assert_sound
from support import Workspace

pytestmark = pytest.mark.slow

#: runs `sweeps` in a process that kills itself when MODULE:NAME has returned for the TIMES-th time
DYING = """
import importlib, os, signal, sys
place, times, *arguments = sys.argv[1:]
module, _, path = place.partition(":")
*owners, name = path.split(".")
owner = importlib.import_module(module)
for one in owners:
    owner = getattr(owner, one)
original, left = getattr(owner, name), int(times)

def dying(*args, **kwargs):
    global left
    result = original(*args, **kwargs)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, name, dying)
from sweeps.cli.main import main
main(arguments)
"""


def killed_within(workspace: Workspace, place: str, times: int, *arguments: str) -> None:
    """Run `sweeps …` until it is killed there."""
    done = subprocess.run(
        [sys.executable, "-c", DYING, place, str(times), *arguments],
        cwd=workspace.folder,
        env=workspace.environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("optuna:create_study", id="between the making of the study and of its identity"),
        pytest.param(
            "sweeps.engine.search:begin_sweep", id="between the making of the sweep's run and its entry in the study"
        ),
    ],
)
def test_a_parent_that_is_killed_while_it_begins_a_study_leaves_one_that_the_same_command_begins(
    paced: PacedSweep, place: str
) -> None:
    killed_within(paced, place, 1, *paced.options(2))
    paced.assert_no_process_left()
    paced.resume(2)
    paced.assert_whole(2)


def test_an_export_that_is_killed_leaves_the_former_one_or_is_whole(finished: Workspace, tmp_path: Path) -> None:
    made = finished.copied(tmp_path / "copy")
    assert made.sweeps("export", "digits-mlp").returncode == 0
    folder = made.folder / "exports"
    for place, times, there in [
        ("sweeps.export.write:write_json", 1, ["digits-mlp", "made"]),  # half of its files are written
        ("pathlib:Path.rename", 1, ["made", "old"]),  # the former one is put aside
        ("pathlib:Path.rename", 2, ["digits-mlp", "old"]),  # the new one is in its place
    ]:
        killed_within(made, place, times, "export", "digits-mlp", "--force")
        kinds = {False: "made", True: "old"}
        names = [path.name for path in folder.iterdir()]
        assert sorted(kinds[name.endswith("-old")] if name.startswith(".") else name for name in names) == there
        # the study is complete: what is left lying makes the command look nevertheless
        done = made.sweeps("run", "--trials", "6", "--epochs", "4", "--pruner", "median")
        assert done.returncode == 0, done.stderr
        assert [path.name for path in folder.iterdir()] == ["digits-mlp"]
        assert_sound(made, total=6)
        manifest = json.loads((folder / "digits-mlp" / "manifest.json").read_text())
        assert manifest["trial"] == made.json("best", "digits-mlp")["trial"]
