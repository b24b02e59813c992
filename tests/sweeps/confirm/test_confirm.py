"""`Result.confirm`: the finalists are trained again, one wins, and the test rows are looked at once."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import keras_tuner
import numpy as np
import pytest
from invariant import assert_sound
from support import SharedWorker, Workspace

import sweeps
from sweeps.errors import InputError
from sweeps.study import confirmation
from sweeps.study import study as studies
from sweeps.system import paths
from tracking import find_store


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    hidden = keras.layers.Dense(hp.Int("units", 2, 64, default=8), activation="relu")
    model = keras.Sequential([keras.Input((4,)), hidden, keras.layers.Dense(2, activation="softmax")])
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log", default=1e-2)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def numbers(hp: keras_tuner.HyperParameters) -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(hp.Int("units", 2, 16)), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=[keras.metrics.RootMeanSquaredError("rmse")])
    return model


def noise(rows: int) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    return random.normal(size=(rows, 4)).astype("float32"), random.integers(0, 2, rows)


OPTIONS: dict[str, Any] = {"epochs": 2, "pruner": "none", "sampler": "random", "show": False}


@pytest.fixture(scope="module")
def confirmed(worker: SharedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sweeps.Result]:
    """A study of pure noise, and its confirmation by folds. Tests leave it as it is."""
    folder = tmp_path_factory.mktemp("confirmed")
    with chdir(folder), mock.patch.dict(os.environ), worker.lent():
        for name in ("SWEEPS_HOME", "MLFLOW_TRACKING_URI"):
            os.environ.pop(name, None)
        result = sweeps.run(build, data=noise(400), study="noise", trials=6, **OPTIONS)
        result.confirm(top=3, show=False)
        yield result


def test_on_pure_noise_the_answer_is_a_tie_with_the_default(confirmed: sweeps.Result) -> None:
    found = confirmation.load("noise")
    assert found is not None
    assert found.verdict == "tie"
    assert found.conclusion.startswith("a tie with the default")
    assert sum(finalist.default for finalist in found.finalists) == 1
    assert found.finalists[-1].name == "trial 0 (default)" or 0 in [finalist.trial for finalist in found.finalists[:3]]


def test_each_finalist_is_trained_once_on_each_fold_by_a_run_of_its_own(confirmed: sweeps.Result) -> None:
    found = confirmation.load("noise")
    assert found is not None
    assert (found.method, len(found.seeds), found.top) == ("folds", 4, 3)
    store = find_store(paths.tracking_uri(), "noise")
    assert store is not None
    repeating = studies.load("noise", paths.confirm_journal("noise"))
    parents = set()
    for finalist in found.finalists:
        for fold, (value, run_id) in enumerate(zip(finalist.values, finalist.runs, strict=True)):
            run = store.client.get_run(run_id)
            assert run.data.metrics["best_val_accuracy"] == value
            assert (run.data.tags["seed"], run.data.tags["fold"]) == (str(found.seeds[fold]), str(fold))
            assert {name: run.data.params[name] for name in finalist.params} == {
                name: str(one) for name, one in finalist.params.items()
            }
            parents.add(run.data.tags["mlflow.parentRunId"])
    (parent,) = parents
    assert store.client.get_run(parent).info.run_name == "confirm"
    assert len(repeating.get_trials()) == 4 * len(found.finalists)
    # no trial of the search has one of these seeds
    of_trials = {store.client.get_run(row.run_id).data.tags["seed"] for row in confirmed.trials}
    assert not of_trials & set(map(str, found.seeds))


def test_the_result_is_an_artifact_of_the_sweeps_run_and_of_the_confirmations(confirmed: sweeps.Result) -> None:
    store = find_store(paths.tracking_uri(), "noise")
    assert store is not None
    written = paths.confirmation("noise").read_text(encoding="utf-8")
    for query in ("tags.kind = 'sweep'", "tags.kind = 'confirm'"):
        (run,) = store.client.search_runs([store.experiment_id], query)
        kept = store.client.download_artifacts(run.info.run_id, "confirmation.json")
        assert Path(kept).read_text(encoding="utf-8") == written
        assert run.data.tags["verdict"] == "tie"
        assert run.info.status == "FINISHED"


def test_the_test_figures_are_those_of_an_independent_evaluation_of_the_model(confirmed: sweeps.Result) -> None:
    found = confirmation.load("noise")
    assert found is not None
    test = found.test
    assert test is not None
    assert confirmed.test_data is not None
    x, y = confirmed.test_data
    model = confirmed.model()
    right = model.predict(x, verbose=0).argmax(axis=1) == y
    assert test["rows"] == len(y) == 80
    assert test["accuracy"] == right.mean()
    assert test["metrics"]["accuracy"] == pytest.approx(right.mean())
    # Wilson's own formula
    n, p, z = len(y), right.mean(), 1.959963984540054
    centre, half = (p + z * z / (2 * n)), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert test["interval"] == pytest.approx([(centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)])
    confusion = np.array(test["confusion"])
    assert (np.trace(confusion), confusion.sum()) == (right.sum(), n)
    for index, row in enumerate(test["classes"]):
        assert row["support"] == confusion[index].sum() == (y == index).sum()
        assert row["recall"] == pytest.approx(confusion[index, index] / row["support"])


def test_the_test_rows_were_looked_at_once_and_another_look_is_refused(confirmed: sweeps.Result) -> None:
    before = paths.confirmation("noise").read_text(encoding="utf-8")
    assert json.loads(before)["test"]["looks"] == 1
    # what is there is given again, without a look and without a training
    again = confirmed.confirm(top=3, show=False)
    assert again.to_json() == before
    for look in (confirmed.evaluate_test, lambda: confirmed.confirm(top=2, show=False)):
        with pytest.raises(InputError, match=r"the test rows of study 'noise' were looked at once, last for trial"):
            look()
    assert paths.confirmation("noise").read_text(encoding="utf-8") == before


def test_best_and_export_say_that_the_winner_is_confirmed(confirmed: sweeps.Result) -> None:
    found, best = confirmation.load("noise"), confirmed.best
    assert found is not None
    assert (best.trial, best.run_id, best.model_uri) == (found.best.trial, found.run_id, found.model_uri)
    assert best.value == found.best.search_value
    assert best.confirmed
    assert best.confirmation is not None
    assert best.confirmation["mean"] == found.best.mean
    workspace = Workspace(Path.cwd())
    assert "confirmed on 4 folds: " in workspace.here("best", "noise").stdout
    folder = confirmed.export()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["trial"], manifest["confirmed"]) == (best.trial, True)
    assert manifest["confirmation"]["test"]["looks"] == 1
    assert "a tie with the default" in (folder / "README.md").read_text()
    assert_sound(workspace, "noise", total=6)


def test_arguments_that_mean_nothing_are_named(confirmed: sweeps.Result) -> None:
    for arguments, said in (
        ({"top": 7}, r"--top: study 'noise' has 6 COMPLETE trials, got 7"),
        ({"seeds": 1}, "seeds: a whole number of at least 2 is needed, got 1"),
        ({"jobs": True}, "jobs: a whole number of at least 1 is needed, got True"),
    ):
        with pytest.raises(InputError, match=said):
            confirmed.confirm(show=False, **arguments)
    with pytest.raises(InputError, match=r"had its space from a Python program; there: sweeps.run\(…\).confirm\(\)"):
        sweeps.Result("noise").confirm(show=False)
