"""The record while its store is away: a real MLflow server behind a proxy, a real SQLite file that is locked."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from servers import MlflowServer, Proxy

import tracking.run_writer
import tracking.store
import tracking.trial_run
from tracking import DataDescription, Store, StoreUnavailable, TrialRun, begin_sweep, child_runs, close_run, open_store
from tracking.spool import abandoned_folders, send_all, unsent_runs

#: a real MLflow server is started, and a real lock lasts a minute
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()
    server.stop()


@pytest.fixture
def store(proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An experiment of its own, reached through the proxy; what waits in TrialRun does not wait in here."""
    monkeypatch.setattr(tracking.trial_run, "FLUSH_INTERVAL", 0.0)
    monkeypatch.setattr(tracking.run_writer, "RETRY_INTERVAL", 0.0)
    monkeypatch.setattr(tracking.run_writer, "REPEAT_INTERVAL", 0.05)
    yield open_store(proxy.uri, tmp_path.name, None, tmp_path / "spool")
    proxy.away = False


@pytest.fixture
def parent(store: Store) -> str:
    return begin_sweep(store, None, {}, {}, DataDescription("houses", "ab", "houses.csv"))


def steps(store: Store, run_id: str) -> list[tuple[int, float]]:
    return [(entry.step, entry.value) for entry in store.client.get_metric_history(run_id, "loss")]


def test_metrics_of_an_outage_arrive_after_it_with_their_own_steps_and_times(
    store: Store, parent: str, proxy: Proxy
) -> None:
    with TrialRun(store, parent, 0, {}) as run:
        run.log_metrics({"loss": 1.0}, step=1)
        proxy.go_away()
        begun = time.time() * 1000
        for step in (2, 3):
            run.log_params({"units": 3})
            run.log_metrics({"loss": 1 / step}, step=step)
        ended = time.time() * 1000
        time.sleep(0.3)
        proxy.away = False
        run.log_metrics({"loss": 0.25}, step=4)
        run.state = "COMPLETE"
    assert steps(store, run.run_id) == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 0.25)]
    history = store.client.get_metric_history(run.run_id, "loss")
    assert all(begun - 1 <= entry.timestamp <= ended for entry in history if entry.step in (2, 3))
    (found,) = child_runs(store, parent)
    assert (found.info.status, found.data.params) == ("FINISHED", {"units": "3"})
    assert unsent_runs(store) == []


def test_what_a_store_that_is_away_at_a_trials_end_did_not_get_goes_along_with_the_next_trials(
    store: Store, parent: str, proxy: Proxy
) -> None:
    with TrialRun(store, parent, 0, {}) as run:
        run.log_metrics({"loss": 1.0}, step=1)
        proxy.go_away()
        run.log_metrics({"loss": 0.5}, step=2)
        run.log_text("curves", "curves.txt")
        run.state = "PRUNED"
    ended = time.time() * 1000
    assert unsent_runs(store) == [run.run_id]
    proxy.away = False
    assert store.client.get_run(run.run_id).info.status == "RUNNING"
    time.sleep(0.2)
    TrialRun(store, parent, 1, {}).close()
    found = store.client.get_run(run.run_id)
    assert (found.info.status, found.data.tags["state"]) == ("KILLED", "PRUNED")
    assert found.info.end_time <= ended
    assert steps(store, run.run_id) == [(1, 1.0), (2, 0.5)]
    assert [file.path for file in store.client.list_artifacts(run.run_id)] == ["curves.txt"]
    assert len(child_runs(store, parent)) == 2
    assert store.spool is not None
    assert list(store.spool.iterdir()) == []


def test_what_is_sent_twice_counts_once(store: Store, parent: str, proxy: Proxy) -> None:
    with TrialRun(store, parent, 0, {}) as run:
        run.log_metrics({"loss": 1.0}, step=1)
        proxy.lose = b"log-batch"
        run.log_metrics({"loss": 0.5}, step=2)
        assert proxy.lose == b""
        run.log_metrics({"loss": 0.25}, step=3)
    assert steps(store, run.run_id) == [(1, 1.0), (2, 0.5), (3, 0.25)]


def test_a_creation_whose_answer_is_lost_makes_one_run(store: Store, parent: str, proxy: Proxy) -> None:
    lost = proxy.lost
    proxy.lose = b"runs/create"
    with TrialRun(store, parent, 0, {}) as run:
        run.state = "COMPLETE"
    assert proxy.lost == lost + 1
    (found,) = child_runs(store, parent)
    assert (found.info.run_id, found.info.status) == (run.run_id, "FINISHED")


def test_a_run_is_begun_when_the_store_is_back(store: Store, parent: str, proxy: Proxy) -> None:
    proxy.go_away()
    threading.Timer(0.5, lambda: setattr(proxy, "away", False)).start()
    TrialRun(store, parent, 0, {}).close()
    assert len(child_runs(store, parent)) == 1


def test_a_run_cannot_be_begun_in_a_store_that_stays_away(
    store: Store, parent: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking.trial_run, "CREATE_TIMEOUT", 0.3)
    proxy.go_away()
    with pytest.raises(StoreUnavailable):
        TrialRun(store, parent, 0, {})


def test_without_a_spool_the_end_of_a_run_is_not_lost_in_silence(store: Store, parent: str, proxy: Proxy) -> None:
    run = TrialRun(replace(store, spool=None), parent, 0, {})
    proxy.go_away()
    with pytest.raises(StoreUnavailable, match="no spool"):
        run.close()


def test_a_dead_trials_run_is_closed_when_the_store_is_back(store: Store, parent: str, proxy: Proxy) -> None:
    run = TrialRun(store, parent, 0, {})
    proxy.go_away()
    close_run(store, run.run_id, "FAIL", "KILLED", "its process ended")
    proxy.away = False
    send_all(store)
    found = store.client.get_run(run.run_id)
    assert (found.info.status, found.data.tags["error"]) == ("KILLED", "its process ended")


def test_more_metrics_than_mlflow_takes_at_once_are_sent_in_parts(store: Store, parent: str) -> None:
    with TrialRun(store, parent, 0, {}) as run:
        run.log_params({f"p{i}": i for i in range(250)})
        run._metrics = []
        for step in range(1, 4):
            run.log_metrics({f"m{i}": 1.0 for i in range(700)}, step=step)
    found = store.client.get_run(run.run_id)
    assert (len(found.data.params), len(found.data.metrics)) == (250, 700)


def test_a_model_waits_in_the_spool_and_is_found_by_its_run_afterwards(
    store: Store, parent: str, proxy: Proxy, tmp_path: Path
) -> None:
    import keras
    import numpy as np

    from tracking.models import fetch_keras_file, write_model

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    x = np.ones((3, 4), "float32")
    uris = []
    for number in range(2):
        with TrialRun(store, parent, number, {}) as run:
            if number:  # away between the making of the model and its upload
                proxy.lose = b"logged-models"
            else:
                proxy.go_away()
            tags = write_model(run.begin_model({"units": 2}), model, x, np.asarray(model(x)))
            run.set_tags(tags)
            uris.append(tags["model_uri"])
            assert [folder.name for folder in abandoned_folders(store)] == [run.run_id]
            run.state = "COMPLETE"
        proxy.away = False
        send_all(store)
        assert unsent_runs(store) == []
        assert abandoned_folders(store) == []
        folder = tmp_path / str(number)
        again = keras.saving.load_model(fetch_keras_file(store, uris[-1], folder), safe_mode=True)
        np.testing.assert_array_equal(again(x), model(x))
        (logged,) = store.client.search_logged_models([store.experiment_id], f"source_run_id = '{run.run_id}'")
        assert str(logged.status) == "READY"
        assert logged.params == {"units": "2"}
    assert uris[0].startswith("runs:/")


def test_a_model_that_another_driver_removed_before_it_was_sent_keeps_nothing_else_back(
    store: Store, parent: str, proxy: Proxy
) -> None:
    import keras
    import numpy as np

    from tracking.models import write_model
    from tracking.removal import remove_model

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    x = np.ones((3, 4), "float32")
    with TrialRun(store, parent, 0, {}) as run:
        run.log_metrics({"loss": 1.0}, step=1)
        proxy.lose = b"logged-models"
        tags = write_model(run.begin_model({}), model, x, np.asarray(model(x)))
        run.set_tags(tags)
        proxy.go_away()
        run.log_metrics({"loss": 0.5}, step=2)
        run.state = "COMPLETE"
    proxy.away = False
    (made,) = store.client.search_logged_models([store.experiment_id], f"source_run_id = '{run.run_id}'")
    remove_model(store, f"models:/{made.model_id}")
    assert unsent_runs(store) == [run.run_id]
    send_all(store)
    assert unsent_runs(store) == []
    assert steps(store, run.run_id) == [(1, 1.0), (2, 0.5)]
    assert store.client.get_run(run.run_id).info.status == "FINISHED"


def test_a_database_that_is_locked_for_a_minute_costs_no_metric(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    store = open_store(f"sqlite:///{file}", "houses", (tmp_path / "artifacts").as_uri(), tmp_path / "spool")
    parent = begin_sweep(store, None, {}, {}, DataDescription("houses", "ab", "houses.csv"))
    locked = threading.Event()

    def lock() -> None:
        with sqlite3.connect(file) as database:
            database.execute("BEGIN EXCLUSIVE")
            locked.set()
            time.sleep(60)

    with TrialRun(store, parent, 0, {}) as run:
        holder = threading.Thread(target=lock)
        holder.start()
        locked.wait()
        for step in range(1, 8):
            run.log_metrics({"loss": 1 / step}, step=step)
            time.sleep(1)
        run.log_text("curves", "curves.txt")
        run.state = "COMPLETE"
    holder.join()
    send_all(store)
    assert steps(store, run.run_id) == [(step, 1 / step) for step in range(1, 8)]
    assert store.client.get_run(run.run_id).info.status == "FINISHED"
    assert unsent_runs(store) == []
