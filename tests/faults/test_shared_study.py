"""Two drivers with no common folder: a study in PostgreSQL, its record on an MLflow server, both of which go away."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from faults.conftest import PacedSweep, paced_sweep
from optuna.trial import TrialState
from servers import MlflowServer, Postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PacedSweep, PacedSweep, MlflowServer]]:
    """Two workspaces, and the MLflow server of both."""
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "other")]
    with paced_sweep(folders[0], server.uri) as one, paced_sweep(folders[1], server.uri) as other:
        yield one, other, server
    server.stop()


def test_what_one_driver_leaves_the_other_brings_to_its_end(
    machines: tuple[PacedSweep, PacedSweep, MlflowServer], postgres: Postgres
) -> None:
    one, other, server = machines
    storage = ("--storage", postgres.uri())
    for machine in (one, other):
        machine.pace(0.3)
    first, second = (machine.start(*machine.options(16, *storage, epochs=4)) for machine in (one, other))
    one.wait_for(lambda: len(one.trials(TrialState.RUNNING)) == 2, first)
    postgres.stop()
    server.stop()
    time.sleep(4)
    postgres.start()
    server.start()
    one.in_mid_epoch(first)
    first.kill()
    first.communicate()
    _, said = second.communicate(timeout=600)
    assert second.returncode == 0, said
    for machine in (one, other):  # the first has what the MLflow server had not got yet
        machine.pace(0)
        again = machine.sweeps(*machine.options(16, *storage, epochs=4))
        assert again.returncode == 0, again.stderr
        machine.assert_whole(16)
    assert other.json("status", other.study)["trials"]["FAIL"] <= 2, "of the driver that was killed, and of the restart"
    for machine in (one, other):
        assert machine.json("status", machine.study)["trials"]["COMPLETE"] == 16
    moved = other.here("export-journal", other.study)
    assert moved.returncode == 0, moved.stderr
    other.assert_whole(16)
