"""Losses and metrics that are no numbers, or cannot be right: the trial fails at that epoch, and never is best."""

from __future__ import annotations

import json

import pytest
from invariant import assert_sound
from support import Workspace

from tracking import Store, best_run, child_runs, find_store

pytestmark = pytest.mark.slow

SPACE = """
import keras

def build(hp):
    hp.Int("seat", 0, 9)
    mood = hp.Choice("mood", ["good", "nan", "inf", "high"])
    # added, so that its gradient is a number
    more = {"nan": float("nan"), "inf": float("inf")}.get(mood, 0.0)

    def loss(y, p):
        return keras.losses.sparse_categorical_crossentropy(y, p) + more

    def accuracy(y, p):
        right = keras.metrics.sparse_categorical_accuracy(y, p)
        return right * 0 + 1.5 if mood == "high" else right

    inputs = keras.Input((8, 8))
    outputs = keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    wrong = [keras.metrics.MeanMetricWrapper(accuracy, name="accuracy")]
    good = mood == "good"
    model.compile("adam", "sparse_categorical_crossentropy" if good else loss, metrics=["accuracy"] if good else wrong)
    return model
"""


@pytest.fixture(scope="module")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished study in which three trials of seven gave such numbers."""
    made = Workspace(tmp_path_factory.mktemp("moods"))
    (made.folder / "space.py").write_text(SPACE)
    moods = ("good", "nan", "good", "inf", "good", "high", "good")
    first = [{"mood": mood, "seat": seat} for seat, mood in enumerate(moods)]
    (made.folder / "first.json").write_text(json.dumps(first))
    arguments = ("--epochs", "2", "--pruner", "none", "--jobs", "1", "--trials", "4", "--enqueue", "first.json")
    done = made.sweeps("run", "moods", "--space", "space.py:build", *arguments, timeout=500)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def store(moods: Workspace) -> Store:
    found = find_store(f"sqlite:///{moods.folder}/runs/mlflow.db", "moods")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "loss is nan at epoch 1"),
        (3, "loss is inf at epoch 1"),
        (5, "accuracy is 1.5 at epoch 1; an accuracy is at most 1"),
    ],
)
def test_a_bad_number_fails_the_trial_at_its_epoch_and_is_not_recorded(
    moods: Workspace, store: Store, number: int, text: str
) -> None:
    rows = moods.json("list", "moods")
    assert [row["state"] == "FAIL" for row in rows] == [False, True, False, True, False, True, False]
    assert text in rows[number]["error"]
    run = store.client.get_run(rows[number]["run_id"])
    assert (run.info.status, run.data.tags["state"], run.data.metrics) == ("FAILED", "FAIL", {})


def test_a_bad_number_is_never_best_and_never_first(moods: Workspace, store: Store) -> None:
    best = moods.json("best", "moods")
    assert best["trial"] in (0, 2, 4, 6)
    assert 0 < best["value"] <= 1
    for metric in ("best_val_accuracy", "val_accuracy", "accuracy", "val_loss"):
        runs = [run.data.metrics[metric] for run in child_runs(store) if metric in run.data.metrics]
        assert len(runs) == 4
        assert max(runs) < 100
    first = best_run(store, "best_val_accuracy", maximize=True)
    assert first is not None
    assert first.info.run_id == best["run_id"]


def test_the_study_is_sound(moods: Workspace) -> None:
    assert_sound(moods, "moods", 4)
