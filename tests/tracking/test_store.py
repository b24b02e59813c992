"""The record, on a real SQLite store."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from tracking import (
    DataDescription,
    Store,
    SweepResults,
    TrackingError,
    TrialRun,
    begin_sweep,
    child_runs,
    close_trial,
    end_sweep,
    find_store,
    open_store,
)
from tracking.store import twice_if_outrun


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    return open_store(f"sqlite:///{folder / 'mlflow.db'}", "houses", (folder / "artifacts").as_uri())


@pytest.fixture
def parent(store: Store) -> str:
    return begin_sweep(store, None, {"trials": 3}, {"jobs": 2}, DataDescription("houses", "ab" * 16, "houses.csv"))


def run_of(store: Store, parent: str, number: int, value: float, state: str = "COMPLETE") -> str:
    with TrialRun(store, parent, number, {"seed": "1"}) as run:
        run.log_params({"units": 3, "rate": 0.5})
        run.log_metrics({"loss": 2.0, "val_accuracy": value}, step=1)
        run.log_metrics({"best_val_accuracy": value}, step=1)
        run.state = state
    return run.run_id


def test_an_experiment_is_made_once_and_found_again(store: Store) -> None:
    assert open_store(store.uri, "houses", None) == store
    assert find_store(store.uri, "houses") == store
    assert find_store(store.uri, "none") is None


def test_an_experiment_that_another_process_makes_in_that_moment_is_taken(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, looks = MlflowClient.get_experiment_by_name, []

    def late(client: MlflowClient, name: str) -> object:
        looks.append(name)
        return None if len(looks) < 3 else found(client, name)

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", late)
    assert open_store(store.uri, "houses", None).experiment_id == store.experiment_id


def test_processes_that_describe_an_experiment_at_once_do_not_fail(store: Store) -> None:
    threads, wrong = [], []

    def describe(n: int) -> None:
        try:
            for key in range(20):
                twice_if_outrun(partial(store.client.set_experiment_tag, store.experiment_id, f"tag {key}", str(n)))
        except Exception as error:
            wrong.append(error)

    for n in range(4):
        threads.append(threading.Thread(target=describe, args=[n]))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("uri", ["sqlite:////proc/none/mlflow.db", "http://127.0.0.1:9"])
def test_a_store_that_cannot_be_opened_is_an_error_of_one_line_and_soon(uri: str) -> None:
    with pytest.raises(TrackingError) as error:
        open_store(uri, "x", None)
    assert "\n" not in str(error.value)


def test_a_trial_is_a_child_run_with_parameters_and_one_value_an_epoch(store: Store, parent: str) -> None:
    with TrialRun(store, parent, 7, {"seed": "5"}) as run:
        run.log_params({"units": 3})
        for epoch in (1, 2, 3):
            run.log_metrics({"loss": 1 / epoch}, step=epoch)
            run.log_params({"units": 3, "late": True})
        run.state = "COMPLETE"
    (found,) = child_runs(store, parent)
    assert found.info.run_name == "trial-0007"
    assert found.info.status == "FINISHED"
    assert found.data.params == {"units": "3", "late": "True"}
    assert found.data.tags["state"] == "COMPLETE"
    history = store.client.get_metric_history(run.run_id, "loss")
    assert [(entry.step, entry.value) for entry in history] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]


def test_an_epoch_that_took_a_second_is_seen_at_once(
    store: Store, parent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TrialRun(store, parent, 0, {}) as run:
        later = time.monotonic() + 1.5
        monkeypatch.setattr(time, "monotonic", lambda: later)
        run.log_metrics({"loss": 4.0}, step=1)
        assert store.client.get_run(run.run_id).data.metrics == {"loss": 4.0}


@pytest.mark.parametrize(
    ("state", "status"),
    [("COMPLETE", "FINISHED"), ("PRUNED", "KILLED"), ("FAIL", "FAILED"), ("INTERRUPTED", "KILLED")],
)
def test_a_run_ends_in_the_state_of_its_trial(store: Store, parent: str, state: str, status: str) -> None:
    run_id = run_of(store, parent, 1, 0.5, state)
    assert store.client.get_run(run_id).info.status == status


def test_a_run_whose_block_is_left_by_an_exception_has_failed(store: Store, parent: str) -> None:
    with pytest.raises(ZeroDivisionError), TrialRun(store, parent, 1, {}) as run:
        raise ZeroDivisionError
    assert store.client.get_run(run.run_id).info.status == "FAILED"
    assert store.client.get_run(run.run_id).data.tags["state"] == "FAIL"


def test_a_sweep_is_recorded_and_taken_up_again_by_a_resume(store: Store, parent: str) -> None:
    metrics = [("best_val_accuracy", 0.7, 1, 1000), ("best_val_accuracy", 0.9, 2, 2000)]
    results = SweepResults({"winner.trial": 2}, "**0.9**", {"leaderboard.csv": "trial\n2\n"}, metrics)
    for _ in range(2):  # as a resume does that adds no trial
        end_sweep(store, parent, "FINISHED", results)
    ended = store.client.get_run(parent)
    assert ended.info.status == "FINISHED"
    assert ended.data.tags["winner.trial"] == "2"
    assert ended.data.tags["mlflow.note.content"] == "**0.9**"
    curve = store.client.get_metric_history(parent, "best_val_accuracy")
    assert [(entry.step, entry.value) for entry in curve] == [(1, 0.7), (2, 0.9)]
    assert [one.dataset.digest for one in ended.inputs.dataset_inputs] == ["ab" * 16]
    assert "leaderboard.csv" in [file.path for file in store.client.list_artifacts(parent)]
    data = DataDescription("houses", "ab" * 16, "houses.csv")
    assert begin_sweep(store, parent, {}, {"trials": 5}, data) == parent
    assert store.client.get_run(parent).info.status == "RUNNING"


@pytest.mark.parametrize(("number", "known"), [(41, "its id"), (42, "only its number"), (43, "no run")])
def test_the_run_of_a_trial_whose_process_died_is_closed_with_what_is_known(
    store: Store, parent: str, number: int, known: str
) -> None:
    made = None if known == "no run" else TrialRun(store, parent, number, {}).run_id
    closed = close_trial(store, parent, number, made if known == "its id" else None, "its process ended")
    assert made in (None, closed)
    found = store.client.get_run(closed)
    assert (found.info.run_name, found.info.status) == (f"trial-{number:04d}", "FAILED")
    assert (found.data.tags["state"], found.data.tags["error"]) == ("FAIL", "its process ended")
    assert [run.info.run_id for run in child_runs(store, parent) if run.data.tags["trial"] == str(number)] == [closed]


def test_a_model_is_logged_with_signature_and_example_and_fetched_back_as_a_keras_file(
    store: Store, parent: str, tmp_path: Path
) -> None:
    import keras

    from tracking.models import AlteredModel, fetch_keras_file, register_champion, write_model

    model = keras.Sequential([keras.Input((4,), dtype="uint8"), keras.layers.Rescaling(0.5), keras.layers.Dense(2)])
    x = np.arange(12, dtype="uint8").reshape(3, 4)
    with TrialRun(replace(store, spool=tmp_path / "spool"), parent, 5, {}) as run:
        tags = write_model(run.begin_model({"units": 2}), model, x, np.asarray(model(x)))
        run.set_tags(tags)
        run.state = "COMPLETE"
    run_id, uri = run.run_id, tags["model_uri"]
    logged = store.client.get_logged_model(uri.removeprefix("models:/"))
    assert logged.name == "trial-0005"
    assert (logged.source_run_id, logged.status, logged.params) == (run_id, "READY", {"units": "2"})
    files = {path.name for path in Path(logged.artifact_location.removeprefix("file://")).rglob("*")}
    assert {"MLmodel", "input_example.json", "requirements.txt", "model.keras"} <= files
    again = keras.saving.load_model(fetch_keras_file(store, uri, tmp_path), safe_mode=True)
    np.testing.assert_array_equal(again(x), model(x))

    (tmp_path / "model.keras").unlink()
    file = next(Path(logged.artifact_location.removeprefix("file://")).rglob("model.keras"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(AlteredModel, match="SHA-256"):
        fetch_keras_file(store, uri, tmp_path)
    assert not (tmp_path / "model.keras").exists()

    assert register_champion(store, "houses", uri, run_id, {"trial": "5"}, "of houses", "first") == 1
    assert register_champion(store, "houses", uri, run_id, {"trial": "5"}, "of houses", "confirmed") == 1
    champion = store.client.get_model_version_by_alias("houses", "champion")
    assert (champion.run_id, champion.description) == (run_id, "confirmed")
    assert store.client.get_registered_model("houses").description == "of houses"


def test_a_models_score_says_on_which_data_it_was_measured(store: Store, parent: str) -> None:
    made = store.client.create_logged_model(store.experiment_id, "trial-0006")
    data = DataDescription("houses", "ab" * 16, "houses.csv")
    with TrialRun(store, parent, 6, {}) as run:
        run.log_score("best_val_accuracy", 0.75, 3, made.model_uri, data)
        run.rename("#6")
        run.flush()
        assert store.client.get_run(run.run_id).info.run_name == "#6"
        run.rename("#6 2×64")
    found = store.client.get_run(run.run_id)
    assert (found.info.run_name, found.data.metrics) == ("#6 2×64", {"best_val_accuracy": 0.75})
    (metric,) = store.client.get_logged_model(made.model_id).metrics
    assert (metric.key, metric.value, metric.step) == ("best_val_accuracy", 0.75, 3)
    assert (metric.dataset_name, metric.dataset_digest) == ("houses", "ab" * 16)
