"""A PostgreSQL server, behind the record, that is restarted under a running sweep: it is waited out."""

from __future__ import annotations

import time
from importlib.util import find_spec

import pytest
from faults.conftest import PacedSweep
from optuna.trial import TrialState
from servers import Postgres

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not find_spec("psycopg2"), reason="psycopg2 is not installed"),
]


def test_a_restart_is_waited_out(paced: PacedSweep, postgres: Postgres) -> None:
    recorded = PacedSweep(paced.folder, postgres.uri("postgresql+psycopg2", "me:secret-word"))
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
