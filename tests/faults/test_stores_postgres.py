"""A PostgreSQL server, behind the record, that is restarted under a running sweep: it is waited out."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from faults.conftest import PacedSweep
from optuna.trial import TrialState
from servers import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("pg_ctl"), reason="PostgreSQL's pg_ctl is not on the path"),
    pytest.mark.skipif(not find_spec("psycopg2"), reason="psycopg2 is not installed"),
]

#: PostgreSQL does not run as root
_USER = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []


class Postgres:
    """A server over a folder of its own, on 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._do("initdb", "-D", str(folder / "data"), "-U", "me", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.uri = f"postgresql+psycopg2://me:secret-word@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}"
        self._do(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self) -> None:
        """As when its machine loses power."""
        self._do("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def _do(self, *command: str) -> None:
        subprocess.run([*_USER, *command], check=True, cwd=self.folder, stdout=subprocess.DEVNULL, timeout=60)


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if _USER:
        shutil.chown(folder, "nobody")
    server = Postgres(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


def test_a_restart_is_waited_out(paced: PacedSweep, postgres: Postgres) -> None:
    recorded = PacedSweep(paced.folder, postgres.uri)
    recorded.pace(0.5)
    sweep = recorded.start(*recorded.options(6, jobs=2, epochs=6))
    recorded.wait_for(lambda: len(recorded.trials(TrialState.RUNNING)) == 2, sweep)
    recorded.in_mid_epoch(sweep)
    postgres.stop()
    time.sleep(15)
    postgres.start()
    said, complained = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, complained
    assert "secret-word" not in said + complained
    recorded.assert_whole(6)
    rows = recorded.json("list", recorded.study)
    assert [row["state"] for row in rows] == ["COMPLETE"] * 6
    logs = [file for file in paced.folder.rglob("*") if file.is_file() and b"secret-word" in file.read_bytes()]
    assert not logs
