"""Stores that are not what they were when they were written: exit code 5, one or two lines, nothing changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import SharedWorker, Workspace

JOURNALS = {
    "a list": b"[1]\n",
    "null": b"null\n",
    "a number": b"7\n",
    "bytes": bytes(range(128, 256)) + b"\n",
    "an unknown operation": b'{"op_code": 99, "worker_id": "x"}\n',
    "no operation": b"{}\n",
    "another study": b'{"op_code": 0, "worker_id": "x", "study_name": "other", "directions": [2]}\n',
}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def ends_with(code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    from sweeps.cli.main import main

    before = contents(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    said = capsys.readouterr().err
    assert ended.value.code == code, said
    assert contents(tmp_path) == before
    assert 1 <= len(said.strip().splitlines()) <= 2
    assert "Traceback" not in said
    return said


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEPS_HOME", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "runs" / "studies" / "mine").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("journal", JOURNALS)
@pytest.mark.parametrize("command", ["status", "best"])
def test_a_journal_that_is_none_is_named(
    here: Path, capsys: pytest.CaptureFixture[str], journal: str, command: str
) -> None:
    (here / "runs" / "studies" / "mine" / "journal.log").write_bytes(JOURNALS[journal])
    assert "journal.log is damaged" in ends_with(5, here, capsys, command, "mine")


def test_a_study_whose_first_start_died_at_once_is_not_begun(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = b'{"op_code": 0, "worker_id": "x", "study_name": "mine", "directions": [2]}\n'
    (here / "runs" / "studies" / "mine" / "journal.log").write_bytes(record)
    assert "was not begun" in ends_with(2, here, capsys, "status", "mine")


def test_a_tracking_store_that_is_no_database_is_named(tmp_path: Path, worker: SharedWorker) -> None:
    made = Workspace(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mlflow.db").write_bytes(b"these are no pages" * 300)
    done = worker.sweeps(made, "run", "mine", "--trials", "1", "--epochs", "1")
    assert done.returncode == 5, done.stderr
    assert "mlflow.db is not a SQLite database" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs" / "studies" / "mine" / "journal.log").exists()
