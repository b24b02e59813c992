"""Thirty kills of workers, parents and fork servers, at random moments, in one small sweep."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest
from faults.conftest import PacedSweep

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

KILLS, PARENTS, FORK_SERVERS = 30, 8, 4
TRIALS = 200
#: how a sweep ends by itself in a storm: too many deaths in a row; a worker died while it started
GIVEN_UP = (3, 4)


def test_the_invariant_holds_after_thirty_kills_and_resumes(
    paced: PacedSweep, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(5)
    victims = ["parent"] * PARENTS + ["fork server"] * FORK_SERVERS
    victims += ["worker"] * (KILLS - len(victims))
    chance.shuffle(victims)
    paced.pace(0.5)
    process, given_up = begin(paced), 0
    while victims:
        time.sleep(chance.uniform(0.0, 4.0))
        if process.poll() is not None:
            _, said = process.communicate()
            assert process.returncode in GIVEN_UP, said
            process, given_up = begin(paced), given_up + 1
        elif kill(paced, process, victims[-1], chance) and victims.pop() == "parent":
            process = begin(paced)
    process.terminate()
    process.communicate(timeout=30)
    before = paced.json("status", paced.study)["trials"]
    paced.resume(TRIALS, epochs=4)
    paced.assert_whole(TRIALS)
    record_property(
        "storm",
        f"{KILLS} kills ({PARENTS} of the parent, {FORK_SERVERS} of the fork server), "
        f"{given_up} sweeps that gave up; then {before}, and a resume to "
        f"{TRIALS} trials",
    )


def begin(paced: PacedSweep) -> subprocess.Popen[str]:
    """A sweep of the study, a new one or one that takes up what the last has left, in its first epoch or at its end."""
    begun = paced.epochs_begun()
    process = paced.start(*paced.options(TRIALS, jobs=2, epochs=4))
    while paced.epochs_begun() == begun and process.poll() is None:
        time.sleep(0.05)
    return process


def kill(paced: PacedSweep, process: subprocess.Popen[str], victim: str, chance: random.Random) -> bool:
    """SIGKILL the parent, once it has workers, the fork server, or a worker; whether there was one to kill."""
    try:
        workers = paced.workers(process)
        if not workers:
            return False
        if victim == "parent":
            process.kill()
            process.communicate()
        elif victim == "fork server":
            paced.fork_server(process).kill()
        else:
            chance.choice(workers).kill()
    except (psutil.NoSuchProcess, IndexError):
        return False
    return True
