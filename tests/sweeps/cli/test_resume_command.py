"""`sweeps resume`: a study goes on without its options being typed again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import SharedWorker, Workspace
from synthetic import synthetic_study

from sweeps.cli.command_line import config_of, repeated
from sweeps.errors import InputError
from sweeps.study.attributes import CONFIG, GIVEN

OPTIONS = ("--epochs", "2", "--seed", "3", "--set", "n_hidden=1", "--sampler", "random", "--pruner", "none")


@pytest.mark.slow
def test_a_study_goes_on_with_the_options_that_it_was_run_with(workspace: Workspace, worker: SharedWorker) -> None:
    begun = worker.sweeps(workspace, "run", "s", "--trials", "2", "--jobs", "1", *OPTIONS)
    assert begun.returncode == 0, begun.stderr
    on = worker.sweeps(workspace, "resume", "s", "--trials", "3")
    assert on.returncode == 0, on.stderr
    rows = workspace.json("list", "s")
    assert [row["state"] for row in rows] == ["COMPLETE"] * 3
    assert [row["params"]["n_hidden"] for row in rows] == [1] * 3
    assert workspace.json("status", "s")["total"] == 3
    again = worker.sweeps(workspace, "resume", "s")
    assert again.returncode == 0, again.stderr
    assert len(workspace.json("list", "s")) == 3
    # the same as what a person would have typed
    typed = worker.sweeps(workspace, "run", "s", "--trials", "3", "--jobs", "1", *OPTIONS)
    assert typed.returncode == 0, typed.stderr


def test_the_command_that_repeats_a_sweep_has_its_options() -> None:
    study = synthetic_study(2)
    study.set_user_attr(CONFIG, {"study": "s", "trials": 7, "set": ["n_hidden=1"], "seed": 3})
    assert repeated(study) == "sweeps run s --trials 7 --seed 3 --set n_hidden=1"
    assert config_of(study).trials == 7


def test_what_a_python_program_gave_is_no_command() -> None:
    study = synthetic_study(2)
    study.set_user_attr(CONFIG, {"study": "s", "dataset": "arrays", "space": "build", "trials": 7})
    study.set_user_attr(GIVEN, ["space", "data"])
    assert repeated(study) == "sweeps.run(…, study='s', trials=7)  # space and data from the Python program"


def test_a_study_that_was_not_begun_cannot_go_on() -> None:
    study = synthetic_study(0)
    study.set_user_attr(CONFIG, None)
    with pytest.raises(InputError, match="was not begun"):
        config_of(study)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none"], "unknown study 'none'"),
        ([], "Missing argument 'STUDY'"),
        (["none", "--trials", "many"], "Invalid value for '--trials'"),
    ],
)
def test_what_cannot_go_on_is_refused(here: Path, fails: Callable[..., str], arguments: list[str], said: str) -> None:
    assert said in fails("resume", *arguments)
    assert not list(here.iterdir())
