"""A workspace that is moved, copied, or on an odd path: its record is in it, and points into it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeps.study.record import make_record, settle_workspace, store_of
from sweeps.system import paths
from tracking import DataDescription, Store, TrialRun, begin_sweep
from tracking.audit import logged_models
from tracking.models import register_champion

ODD = [
    *("a b", "a?b", "a#b", "a%b", "100%", "a%20b", "%3F", "a'b", 'a"b', "a'\"b", "a&b", "a;b", "a+b", "a\\b", "a[b]"),
    *("~a", "-a", "a:b@c", "a=b,c", "$(x)", "{a}|b", "\N{SNOWMAN} \xfc", " a ", "\xe9" * 100),
]


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SWEEPS_HOME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


def fill(store: Store, folder: Path) -> str:
    """A sweep with one trial and its model, which is registered; the model's id."""
    parent = begin_sweep(store, None, {}, {}, DataDescription("houses", "ab", "houses.csv"))
    with TrialRun(store, parent, 0, {}) as run:
        run.log_text("curves", "curves.txt")
        run.state = "COMPLETE"
    logged = store.client.create_logged_model(store.experiment_id, "model", run.run_id)
    (folder / "data").mkdir(parents=True)
    (folder / "data/model.keras").write_bytes(b"weights")
    store.client.log_model_artifacts(logged.model_id, str(folder))
    store.client.finalize_logged_model(logged.model_id, "READY")
    register_champion(store, "houses", str(logged.model_uri), run.run_id, {})
    shutil.rmtree(folder)
    return str(logged.model_id)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_settings: None) -> Path:
    """A folder whose workspace has a record."""
    folder = tmp_path / "made"
    folder.mkdir()
    monkeypatch.chdir(folder)
    fill(make_record("houses"), folder / "model")
    return folder


def text_of(folder: Path) -> str:
    with sqlite3.connect(folder / "runs/mlflow.db") as database:
        return "\n".join(database.iterdump())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("name", ODD)
def test_a_workspace_works_on_any_path_and_leaves_nothing_beside_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_settings: None
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    store = make_record("houses")
    fill(store, tmp_path / "model")
    assert [row.has_file for row in logged_models(store).values()] == [True]
    assert (tmp_path / name / "runs/mlflow.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert [path.name for path in (tmp_path / name).iterdir()] == ["runs"]


@pytest.mark.parametrize("way", [shutil.move, shutil.copytree])
def test_a_workspace_that_was_moved_or_copied_belongs_to_itself(
    way: Callable[..., object],
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = contents(made)
    there = tmp_path / "th?re"
    monkeypatch.chdir(tmp_path)
    way(made, there)
    monkeypatch.chdir(there)
    store = store_of("houses")
    assert f"the workspace {there}/runs was {made}/runs before" in capsys.readouterr().err
    assert str(made) not in text_of(there)
    assert [row.has_file for row in logged_models(store).values()] == [True]
    fill(store, there / "model")
    store_of("houses")
    assert capsys.readouterr().err == ""
    assert contents(made) == (before if way is shutil.copytree else {})


def test_a_workspace_of_an_earlier_version_that_was_moved_is_found_out(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(made / "runs/mlflow.db") as database:
        database.execute("DELETE FROM experiment_tags")
        database.execute("UPDATE experiments SET artifact_location = 'file:///mlruns/0' WHERE experiment_id = 0")
    made.rename(tmp_path / "there")
    monkeypatch.chdir(tmp_path / "there")
    assert [row.has_file for row in logged_models(store_of("houses")).values()] == [True]


def test_an_artifact_location_of_a_persons_own_stays(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (tmp_path / "large-disk/artifacts/mine").as_uri()
    store_of("houses").client.create_experiment("mine", own)
    made.rename(tmp_path / "there")
    monkeypatch.chdir(tmp_path / "there")
    found = store_of("houses").client.get_experiment_by_name("mine")
    assert found.artifact_location == own


def test_a_workspace_that_is_opened_by_two_paths_is_one(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = text_of(made)
    (tmp_path / "link").symlink_to(made)
    monkeypatch.setenv("SWEEPS_HOME", str(tmp_path / "link/runs"))
    settle_workspace()
    assert text_of(made) == before
    assert capsys.readouterr().err == ""


def test_a_path_that_sqlite_cannot_open_is_refused_before_anything_is_written(
    here: Path, monkeypatch: pytest.MonkeyPatch, fails: Callable[..., str]
) -> None:
    monkeypatch.setenv("SWEEPS_HOME", str(here / "/".join(["x" * 100] * 5)))
    assert "SQLite opens no longer ones" in fails("run", "--trials", "1")
    assert list(here.iterdir()) == []
    monkeypatch.setenv("SWEEPS_HOME", "a\nb")
    assert "SWEEPS_HOME" in fails("run", "--trials", "1")


def test_an_experiment_that_was_renamed_is_found_by_its_runs(made: Path) -> None:
    store = store_of("houses")
    store.client.rename_experiment(store.experiment_id, "villas")
    (run,) = store.client.search_runs([store.experiment_id], "tags.kind = 'sweep'")
    other = store.client.create_experiment("houses")
    from tracking import find_store, open_store

    for found in (
        find_store(store.uri, "houses", None, [run.info.run_id]),
        open_store(store.uri, "houses", paths.artifact_root(), None, ["unknown", run.info.run_id]),
    ):
        assert found is not None
        assert found.experiment_id == store.experiment_id != other


@pytest.mark.parametrize(
    ("schema", "said"), [("451aebb31d03", "mlflow db upgrade sqlite:///"), ("ffffffffffff", "of a newer MLflow")]
)
def test_a_database_of_another_mlflow_is_named_with_what_to_do(
    schema: str, said: str, here: Path, fails: Callable[..., str]
) -> None:
    make_record("houses")
    copy = here / "copy"  # MLflow looks at a URI's schema once a process
    shutil.copytree(here / "runs", copy)
    with sqlite3.connect(copy / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (schema,))
    from tracking import OtherSchema, find_store

    with pytest.raises(OtherSchema, match=said) as error:
        find_store(f"sqlite:///{copy}/mlflow.db", "houses")
    assert "<" not in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_file_that_may_not_grow_is_an_error_of_this_machine_at_once(made: Path) -> None:
    import resource

    from tracking import Unwritable, translate_errors

    store = store_of("houses")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(Unwritable, match=r"disk I/O error|full"), translate_errors():
            store.client.create_experiment("another")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
