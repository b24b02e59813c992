"""Every registered family goes on exactly where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import SharedWorker, Workspace

from search_spaces.registry import SPACES
from sweeps.trial.checkpoint import Checkpoints

#: the rates of a cosine hang on the number of epochs that a trial is to have
CONSTANT = ("--set", "schedule=constant")
DROPOUT = (*CONSTANT, "--set", "dropout=0.25")
#: of a family what makes its training random, or its data go several ways
OPTIONS = {"wide_and_deep_subclassed": CONSTANT, "wide_and_deep_auxiliary": (*DROPOUT, "--set", "auxiliary_weight=0.2")}


def houses(folder: Path) -> tuple[str, ...]:
    """A regression of a text and two numbers, some of them missing."""
    random = np.random.default_rng(0)
    size, city = random.uniform(20, 200, 300), random.integers(0, 3, 300)
    frame = pd.DataFrame({"size": size.round(1), "city": np.array(["Bergen", "Lima", "Ōsaka"])[city]})
    frame.loc[::25, "size"] = None
    frame.assign(age=random.integers(0, 90, 300), price=1000 * size + 50_000 * city).to_csv(
        folder / "houses.csv", index=False
    )
    return ("--dataset", "houses.csv", "--target", "price")


def digits(folder: Path) -> tuple[str, ...]:
    return ("--dataset", "digits")


def last_state(made: Workspace, study: str, number: int) -> list[bytes]:
    """Variables of model and optimizer after the trial's last epoch, the layers' random states among them."""
    found: dict[str, Any] = Checkpoints(made.folder / "runs/studies" / study / "states").load(number)
    return [variable.tobytes() for variable in found["training"]["variables"]]


REGRESSIONS = ("mlp", "wide_and_deep_subclassed", "wide_and_deep_two_inputs", "wide_and_deep_auxiliary")
CASES = [(space, digits) for space in SPACES if space not in REGRESSIONS]
CASES += [(space, houses) for space in REGRESSIONS]


@pytest.mark.slow
@pytest.mark.parametrize(("space", "data"), CASES)
def test_two_epochs_and_two_more_are_four(space: str, data: Any, workspace: Workspace, worker: SharedWorker) -> None:
    options = (*data(workspace.folder), "--space", space, *OPTIONS.get(space, DROPOUT))
    options += ("--trials", "1", "--jobs", "1", "--pruner", "none")
    for study, epochs in (("whole", "4"), ("half", "2")):
        done = worker.sweeps(workspace, "run", study, *options, "--epochs", epochs)
        assert done.returncode == 0, done.stderr
    assert last_state(workspace, "half", 0) != last_state(workspace, "whole", 0)
    done = worker.sweeps(workspace, "continue", "half", "--trial", "0", "--epochs", "+2")
    assert done.returncode == 0, done.stderr
    assert "trial 1 continues trial 0 from epoch 2 to 4" in done.stdout
    assert last_state(workspace, "half", 1) == last_state(workspace, "whole", 0)
