"""Trainings by this project's own sweeps, the same configurations on each data set, and their curves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.trainings import on_test_rows
from benchmarks.trainings.data_sets import arrays

#: the trainings that are kept
FILE = Path(__file__).with_name("trainings.parquet")

EPOCHS = 20
#: the configurations of this data set are drawn, those of the others are the same
FIRST = "digits"
_CURVES = ("val_loss", "val_accuracy", "val_rmse", "test_loss", "test_accuracy", "cpu_seconds")

#: data set -> how many configurations are trained on it, and how many of these from another seed, too; always the first
#: of one sequence. Fewer where a training takes long.
COUNTS: Mapping[str, tuple[int, int]] = {
    "digits": (256, 24),
    "friedman": (160, 24),
    "breast_cancer": (128, 24),
    "clusters": (112, 24),
    "california_housing": (96, 12),
    "fashion_mnist": (96, 8),
}


def make(folder: Path) -> pd.DataFrame:
    """Train what a folder lacks of these, and collect the trainings."""
    wanted = [(name, seed, count) for seed in range(2) for name, counts in COUNTS.items() for count in [counts[seed]]]
    for name, seed, count in wanted:
        train(folder, name, count, seed)
    return pd.concat([collect(folder, name, seed) for name, seed, _ in wanted], ignore_index=True)


def train(folder: Path, data_set: str, count: int, seed: int = 0) -> None:
    """Train the first `count` configurations on a data set; those that a folder has already are not trained again.

    Args:
        folder: the workspace of the sweeps.
        seed: of weights, shuffles and, but for the first seed, of nothing else.

    Raises:
        subprocess.CalledProcessError: the sweep has failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / f"{data_set}.npz"
    if not data.exists():
        np.savez(data, allow_pickle=False, **arrays(data_set))
    options = ["--sampler", "qmc"]
    if (data_set, seed) != (FIRST, 0):
        points = folder / "points.json"
        rows = sorted(_listed(folder, _study(FIRST, 0)), key=lambda row: int(row["number"]))
        points.write_text(json.dumps([row["params"] for row in rows if row["state"] == "COMPLETE"][:count]))
        options = ["--enqueue", str(points)]
    _sweeps(
        folder, "run", _study(data_set, seed), "--dataset", str(data), "--trials", str(count), "--epochs", str(EPOCHS),
        "--jobs", "1", "--seed", str(seed), "--pruner", "none", "--start", "default", "--no-baselines", *options,
        "--callback", f"{on_test_rows.__name__}:OnTestRows", data=data,
    )  # fmt: skip


def collect(folder: Path, data_set: str, seed: int = 0) -> pd.DataFrame:
    """The trainings of a data set: a row an epoch, with the configuration, the curves and the seconds until then."""
    from tracking import find_store
    from tracking.experiments import epoch_curves

    study = _study(data_set, seed)
    store = find_store(f"sqlite:///{folder / 'runs' / 'mlflow.db'}", study)
    assert store is not None, f"{folder} has no trainings of {study}"
    frames = []
    for row in _listed(folder, study):
        if row["state"] != "COMPLETE":
            continue
        curves = epoch_curves(store, row["run_id"])
        frame = pd.DataFrame({name: [at.value for at in curves[name]] for name in _CURVES if name in curves})
        frame = frame.astype(np.float32)
        frame["epoch"] = np.arange(1, len(frame) + 1)
        frames.append(frame.assign(data_set=data_set, seed=seed, **row["params"]))
    return pd.concat(frames, ignore_index=True)


def _study(data_set: str, seed: int) -> str:
    return f"{data_set}-{seed}"


def _listed(folder: Path, study: str) -> list[Mapping[str, Any]]:
    return json.loads(_sweeps(folder, "list", study, "--json"))  # type: ignore[no-any-return]


def _sweeps(folder: Path, *words: str, data: Path | None = None) -> str:
    environment = {**os.environ, "SWEEPS_HOME": str(folder / "runs")}
    if data is not None:
        environment[on_test_rows.VARIABLE] = str(data)
    done = subprocess.run(
        [sys.executable, "-m", "sweeps", *words], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout
