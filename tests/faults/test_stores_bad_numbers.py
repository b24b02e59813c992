"""Losses and metrics that are no numbers, or cannot be right: the trial fails at that epoch, and never is best."""

from __future__ import annotations

import json

import pytest
from invariant import assert_sound
from support import Workspace, first_run

from tracking import Store, child_runs, find_store

pytestmark = pytest.mark.slow

SPACE = """
import keras
import keras_tuner
import numpy as np

class Spoil(keras.callbacks.Callback):
    def __init__(self, mood):
        super().__init__()
        self.mood, self.tests = mood, 0

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1 and self.mood == "later":
            self.spoil()

    def on_test_begin(self, logs=None):
        self.tests += 1
        if self.tests == 2 and self.mood == "validation":
            self.spoil()

    def spoil(self):
        self.model.set_weights([weights * np.nan for weights in self.model.get_weights()])

class Space(keras_tuner.HyperModel):
    def build(self, hp):
        hp.Int("seat", 0, 99)
        mood = hp.Choice("mood", ["good", "nan", "inf", "high", "later", "validation", "leak"])
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
        good = mood not in ("nan", "inf", "high")
        usual = "sparse_categorical_crossentropy"
        model.compile("adam", usual if good else loss, metrics=["accuracy"] if good else wrong)
        return model

    def fit(self, hp, model, *args, callbacks=(), epochs=1, **kwargs):
        mood = hp.get("mood")
        if mood == "leak" and epochs > 1:
            raise OSError("postgresql://me:" + "s3" + "cret@host/db is away")
        return model.fit(*args, callbacks=[Spoil(mood), *callbacks], epochs=epochs, **kwargs)
"""


#: of the trials, by number
MOODS = ("good", "nan", "good", "inf", "good", "high", "later", "good", "validation", "leak", "good")


@pytest.fixture(scope="module")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished study in which five trials of ten gave such numbers, and one told a password."""
    made = Workspace(tmp_path_factory.mktemp("moods"))
    (made.folder / "space.py").write_text(SPACE)
    first = [{"mood": mood, "seat": seat} for seat, mood in enumerate(MOODS)]
    (made.folder / "first.json").write_text(json.dumps(first))
    arguments = ("--epochs", "3", "--pruner", "none", "--jobs", "1", "--trials", "5", "--enqueue", "first.json")
    done = made.sweeps("run", "moods", "--space", "space.py:Space", *arguments, timeout=500)
    assert done.returncode == 0, done.stderr
    (made.folder / "output.txt").write_text(done.stdout + done.stderr)
    return made


@pytest.fixture(scope="module")
def store(moods: Workspace) -> Store:
    found = find_store(f"sqlite:///{moods.folder}/runs/mlflow.db", "moods")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("mood", "text", "epochs"),
    [
        ("nan", "loss is nan at epoch 1", []),
        ("inf", "loss is inf at epoch 1", []),
        ("high", "accuracy is 1.5 at epoch 1; an accuracy is at most 1", []),
        ("later", "loss is nan at epoch 2", [1]),
        ("validation", "val_loss is nan at epoch 2", [1]),
    ],
)
def test_a_bad_number_fails_the_trial_at_its_epoch_and_is_not_recorded(
    moods: Workspace, store: Store, mood: str, text: str, epochs: list[int]
) -> None:
    rows = moods.json("list", "moods")
    assert [row["state"] == "FAIL" for row in rows] == [mood != "good" for mood in MOODS]
    row = rows[MOODS.index(mood)]
    assert text in row["error"]
    run = store.client.get_run(row["run_id"])
    assert (run.info.status, run.data.tags["state"]) == ("FAILED", "FAIL")
    assert bool(run.data.metrics) == bool(epochs)
    for metric in run.data.metrics:
        assert [entry.step for entry in store.client.get_metric_history(row["run_id"], metric)] == epochs


def test_a_bad_number_is_never_best_and_never_first(moods: Workspace, store: Store) -> None:
    best = moods.json("best", "moods")
    assert MOODS[best["trial"]] == "good"
    assert 0 < best["value"] <= 1
    good, late = MOODS.count("good"), 2  # these have the numbers of their first epoch
    for metric, count in {"best_val_accuracy": good, "val_accuracy": good + late, "val_loss": good + late}.items():
        runs = [run.data.metrics[metric] for run in child_runs(store) if metric in run.data.metrics]
        assert len(runs) == count
        assert max(runs) < 100
    first = first_run(store, "best_val_accuracy", maximize=True)
    assert first.info.run_id == best["run_id"]


def test_the_study_is_sound(moods: Workspace) -> None:
    assert_sound(moods, "moods", MOODS.count("good"))


def test_a_password_that_a_trial_tells_is_in_no_output_and_no_file(moods: Workspace, store: Store) -> None:
    row = moods.json("list", "moods")[MOODS.index("leak")]
    assert row["error"].startswith("OSError: postgresql://me:***@host/db is away")
    assert store.client.get_run(row["run_id"]).data.tags["error"] == row["error"]
    assert moods.sweeps("list", "moods").stdout.count("me:***@host") == 1
    assert "***@host" in (moods.folder / "output.txt").read_text()
    assert [file for file in moods.folder.rglob("error.txt") if "***@host" in file.read_text()]
    assert not [file for file in moods.folder.rglob("*") if file.is_file() and b"s3cret" in file.read_bytes()]
