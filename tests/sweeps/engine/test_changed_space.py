"""A space that was edited or moved between two runs of a study: nothing is mixed in silence, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras_tuner import HyperModel, HyperParameters
from optuna.trial import TrialState
from sklearn.datasets import load_digits
from support import SharedWorker, Workspace

import sweeps
from sweeps.errors import InputError
from sweeps.space.fingerprint import Fingerprint, SpaceSource
from sweeps.study import study as studies
from sweeps.study.attributes import CUT_SHORT, IDENTITY, INTERRUPTION
from sweeps.study.identity import Identity
from sweeps.study.retries import unfinished
from sweeps.study.study import StudyRef
from sweeps.tuner import RandomSearch
from tracking import find_store

SPACE = """import keras
from layers import Scaled


def build(hp):
    model = keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten(), Scaled()])
    model.add(keras.layers.Dense(8, activation=hp.Choice("activation", ["relu", "elu"])))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
"""
LAYERS = """import keras


class Scaled(keras.layers.Layer):
    def call(self, x):
        return x / 16
"""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, worker: SharedWorker) -> Workspace:
    """Two trials of a space of one's own, "s"; a test that changes them takes a copy."""
    made = Workspace(tmp_path_factory.mktemp("begun"))
    (made.folder / "space.py").write_text(SPACE)
    (made.folder / "layers.py").write_text(LAYERS)
    done = run(worker, made, 2)
    assert done.returncode == 0, done.stderr
    return made


def run(worker: SharedWorker, workspace: Workspace, trials: int, *arguments: str, space: str = "space.py:build") -> Any:
    options = ("--trials", str(trials), "--epochs", "1", "--jobs", "1", "--sampler", "random", "--pruner", "none")
    return worker.sweeps(workspace, "run", "s", "--space", space, *options, *arguments)


def test_an_edited_space_is_refused_and_goes_on_where_it_is_accepted(
    begun: Workspace, worker: SharedWorker, tmp_path: Path
) -> None:
    made = begun.copied(tmp_path / "copy")
    (made.folder / "layers.py").write_text(LAYERS.replace("/ 16", "/ 8"))
    for trials in (2, 3):  # complete, and not
        done = run(worker, made, trials)
        assert done.returncode == 2
        assert done.stderr == (
            "sweeps: the space space.py:build has changed since study 's' was begun: layers.py: Scaled\n"
            "Name a new study, or go on with both versions: --accept-changed-space\n"
        )
    # a model of the first version would be given the layer of the second
    done = made.here("export", "s")
    assert done.returncode == 2
    assert "it has changed since: layers.py: Scaled" in done.stderr
    assert not (made.folder / "exports" / "s").exists()

    (made.folder / "space.py").write_text(SPACE.replace('"relu", "elu"', '"tanh", "selu"'))
    enqueued = [{"activation": "selu"}]
    (made.folder / "first.json").write_text(json.dumps(enqueued))
    done = run(worker, made, 4, "--enqueue", "first.json", "--accept-changed-space")
    assert done.returncode == 0, done.stderr
    rows = made.json("list", "s")
    assert [row["state"] for row in rows] == ["COMPLETE"] * 4
    assert {row["params"]["activation"] for row in rows[:2]} <= {"relu", "elu"}
    assert rows[2]["params"] == {"activation": "selu"}
    assert rows[3]["params"]["activation"] in ("tanh", "selu")
    store = find_store(f"sqlite:///{made.folder}/runs/mlflow.db", "s")
    assert store is not None
    tags = [store.client.get_run(row["run_id"]).data.tags["space_version"] for row in rows]
    assert tags == ["1", "1", "2", "2"]
    study = studies.load("s", made.folder / "runs/studies/s/journal.log")
    assert [trial.user_attrs["space_version"] for trial in study.trials] == [1, 1, 2, 2]
    done = run(worker, made, 4)  # from now on this is its space
    assert done.returncode == 0, done.stderr


def test_a_space_that_was_moved_is_the_same_space(begun: Workspace, worker: SharedWorker, tmp_path: Path) -> None:
    made = begun.copied(tmp_path / "copy")
    (made.folder / "models").mkdir()
    for old, new in (("space.py", "mine.py"), ("layers.py", "layers.py")):
        (made.folder / old).rename(made.folder / "models" / new)
    done = made.here("export", "s")
    assert done.returncode == 2
    assert "sweeps export s --space FILE.py:FUNCTION" in done.stderr
    moved = "models/mine.py:build"
    done = made.here("export", "s", "--space", moved)
    assert done.returncode == 0, done.stderr
    x = load_digits().images[:50].astype("float32")
    np.save(made.folder / "rows.npy", x)
    # the study knows the place now
    said = made.json("predict", "rows.npy", "--model", "exports/s", "--rows", "50")
    assert len(said) == 50
    done = run(worker, made, 3, space=moved)
    assert done.returncode == 0, done.stderr
    assert {row["state"] for row in made.json("list", "s")} == {"COMPLETE"}
    assert run(worker, made, 3, space=moved).returncode == 0


def small(hp: HyperParameters, activations: tuple[str, ...] = ("relu",), rate: float = 0.0) -> keras.Model:
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dropout(rate)])
    model.add(keras.layers.Dense(8, activation=hp.Choice("activation", list(activations))))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def closed_over(*activations: str) -> Callable[[HyperParameters], keras.Model]:
    def build(hp: HyperParameters) -> keras.Model:
        return small(hp, activations)

    return build


class Net(HyperModel):  # type: ignore[misc]
    def __init__(self, activations: tuple[str, ...], rate: float) -> None:
        super().__init__(name="net")
        self.activations, self.rate = activations, rate

    def build(self, hp: HyperParameters) -> keras.Model:
        return small(hp, self.activations, self.rate)


def test_the_attributes_of_a_hypermodel_are_a_part_of_it() -> None:
    found, same, other, slower = (
        Fingerprint.of(Net(activations, rate))
        for activations, rate in ((("relu",), 0.0), (("relu",), 0.0), (("tanh",), 0.0), (("relu",), 0.5))
    )
    assert found
    assert same
    assert found.changes(same) == ()
    for changed in (other, slower):
        assert changed
        assert changed.changes(found) == ("the space itself",)


@pytest.mark.usefixtures("one_worker")
def test_a_complete_study_of_a_program_is_no_answer_for_another_space(here: Path) -> None:
    x, y = load_digits(return_X_y=True)
    options = {"study": "s", "data": (x[:400], y[:400]), "trials": 1, "epochs": 1, "jobs": 1, "show": False}
    before = sweeps.run(closed_over("relu"), **options)
    assert sweeps.run(closed_over("relu"), **options).trials == before.trials
    with pytest.raises(InputError, match="the space build has changed since study 's' was begun: activations\n"):
        sweeps.run(closed_over("tanh"), **options)
    with pytest.raises(InputError, match="has changed since"):
        sweeps.run(partial(small, rate=0.1), **options)
    after = sweeps.run(closed_over("tanh"), **options | {"trials": 2}, accept_changed_space=True)
    assert [row.params for row in after.trials] == [{"activation": "relu"}, {"activation": "tanh"}]


@pytest.mark.usefixtures("one_worker")
def test_a_complete_search_of_a_tuner_is_no_answer_for_another_space(here: Path) -> None:
    x, y = load_digits(return_X_y=True)

    def search(build: Any, **options: Any) -> RandomSearch:
        tuner = RandomSearch(build, "val_accuracy", max_trials=1, directory=here, project_name="p", seed=1, **options)
        tuner.search(x[:300], y[:300], epochs=1, validation_data=(x[300:400], y[300:400]), verbose=0)
        return tuner

    search(small)
    search(small)
    for changed in (closed_over("tanh"), partial(small, activations=("tanh",))):
        changed.__name__ = "small"  # type: ignore[union-attr]
        with pytest.raises(InputError, match="the space small has changed since study"):
            search(changed)
    with pytest.raises(InputError, match="the space small has changed since study"):
        search(small, optimizer="sgd")
    search(small, optimizer="sgd", accept_changed_space=True)


def test_a_study_of_an_earlier_release_takes_the_space_that_it_is_given(tmp_path: Path) -> None:
    ref = StudyRef("s", tmp_path / "s" / "journal.log", "random", "none")
    identity = Identity("mine:build", "digits", "abc", "val_accuracy", "maximize", 4, 0, ())
    assert "space_version" not in studies.create(ref, identity).user_attrs
    first, other = (SpaceSource(Fingerprint({"build": digest})) for digest in ("a", "b"))
    assert studies.create(ref, identity, first).user_attrs["space_version"] == 1
    with pytest.raises(InputError, match="has changed since study 's' was begun: build"):
        studies.create(ref, identity, other)
    accepted = SpaceSource(other.fingerprint, accepted=True)
    assert studies.create(ref, identity, accepted).user_attrs["space_version"] == 2
    back = SpaceSource(first.fingerprint, accepted=True)
    assert studies.create(ref, identity, back).user_attrs["space_version"] == 1
    moved = Identity("there:build", "digits", "abc", "val_accuracy", "maximize", 4, 0, ())
    assert studies.create(ref, moved, first).user_attrs[IDENTITY]["space"] == "there:build"
    studies.forget(ref.journal)


def test_a_trial_that_was_cut_short_is_not_taken_up_with_another_space(tmp_path: Path) -> None:
    ref = StudyRef("s", tmp_path / "s" / "journal.log", "random", "none")
    identity = Identity("mine:build", "digits", "abc", "val_accuracy", "maximize", 4, 0, ())
    first, other = (SpaceSource(Fingerprint({"build": digest}), accepted=True) for digest in ("a", "b"))
    study = studies.create(ref, identity, first)
    trial = study.ask()
    trial.set_user_attr("space_version", 1)
    trial.set_user_attr(CUT_SHORT, INTERRUPTION)
    study.tell(trial, state=TrialState.FAIL)
    assert [each.number for each in unfinished(studies.create(ref, identity, first))] == [0]
    assert unfinished(studies.create(ref, identity, other)) == []
    studies.forget(ref.journal)
