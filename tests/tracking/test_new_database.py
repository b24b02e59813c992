"""A new store is a copy of an empty one, and MLflow cannot tell the difference."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from mlflow import MlflowClient
from sqlalchemy.exc import OperationalError

from tracking import new_database
from tracking.new_database import create_database


def schema(file: Path) -> set[tuple[object, ...]]:
    """Every table's columns, every index, and how far the migrations went. Not the tables' texts: a constraint names
    its values in any order."""
    with sqlite3.connect(file) as connection:
        query = connection.execute
        found = {*query("SELECT type, name FROM sqlite_master"), *query("SELECT version_num FROM alembic_version")}
        tables = [row[1] for row in found if row[0] == "table"]
        return found | {(name, *column) for name in tables for column in query(f"PRAGMA table_info({name})")}


@pytest.mark.slow
def test_a_new_store_is_the_one_that_mlflow_makes(tmp_path: Path) -> None:
    template, copy, own = (tmp_path / name for name in ("template.db", "copy.db", "own.db"))
    create_database(copy, template)
    assert schema(copy) == schema(template)
    for file in (copy, own):
        client = MlflowClient(f"sqlite:///{file}")
        assert [found.name for found in client.search_experiments()] == ["Default"]
        client.create_run(client.create_experiment("mine"))
    assert schema(copy) == schema(own)
    assert oct(copy.stat().st_mode) == oct(own.stat().st_mode)
    assert {file.name for file in tmp_path.iterdir()} == {"template.db", "copy.db", "own.db"}


def test_the_template_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = tmp_path / "folder" / "template.db"
    create_database(tmp_path / "first.db", template)
    monkeypatch.setattr(new_database, "_migrate", lambda file: pytest.fail("it is there"))
    create_database(tmp_path / "second.db", template)
    assert schema(tmp_path / "second.db") == schema(template)


def test_a_store_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    file.write_text("mine")
    create_database(file, tmp_path / "template.db")
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


def test_what_a_killed_process_has_left_of_a_store_goes(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    file.write_text("mine")
    mark = 16 * "0f"
    for name in (f".mlflow.db-{mark}", f".mlflow.db-{mark}-journal", ".mlflow.db-mine"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / f".mlflow.db-{mark[::-1]}").touch()  # somebody is at it
    create_database(file, tmp_path / "template.db")
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", ".mlflow.db-mine", f".mlflow.db-{mark[::-1]}"}


def test_a_store_that_appears_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mlflow.db"

    def migrate(made: Path) -> None:
        made.write_text("a template")
        file.write_text("another's")

    monkeypatch.setattr(new_database, "_migrate", migrate)
    create_database(file, tmp_path / "template.db")
    assert file.read_text() == "another's"


def test_where_no_template_can_be_kept_mlflow_is_left_to_make_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    create_database(tmp_path / "mlflow.db", tmp_path / "file" / "template.db")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_where_no_template_can_be_made_mlflow_is_left_to_make_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def migrate(made: Path) -> None:
        made.write_text("the beginning")
        raise OperationalError("unable to open database file", None, OSError())

    monkeypatch.setattr(new_database, "_migrate", migrate)
    create_database(tmp_path / "mlflow.db", tmp_path / "template.db")
    assert list(tmp_path.iterdir()) == []
