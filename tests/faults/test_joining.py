"""Two people, one study."""

from __future__ import annotations

import os
import signal

import pytest
from faults.conftest import PacedSweep
from invariant import assert_sound
from optuna.trial import TrialState

pytestmark = pytest.mark.slow


def test_two_starts_at_once_share_the_budget_and_the_one_that_stays_takes_over(paced: PacedSweep) -> None:
    paced.pace(0.5)
    first, second = (paced.start(*paced.options(7, epochs=4)) for _ in range(2))
    paced.wait_for(lambda: len(paced.trials(TrialState.RUNNING)) == 2, first)
    other = paced.sweeps(*paced.options(7, "--seed", "1", epochs=4))
    assert other.returncode == 2
    assert "seed: 0 then, 1 now" in other.stderr
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    _, said = second.communicate(timeout=400)
    assert second.returncode == 0, said
    assert paced.json("status", paced.study)["trials"]["COMPLETE"] == 7
    paced.resume(7, epochs=4)  # the same command, for which nothing is left to train
    paced.assert_whole(7)


def test_four_starts_at_once_do_not_overshoot(paced: PacedSweep) -> None:
    paced.pace(0.5)
    starts = [paced.start(*paced.options(9, epochs=2)) for _ in range(4)]
    for process in starts:
        _, said = process.communicate(timeout=400)
        assert process.returncode == 0, said
    paced.assert_whole(9)
    rows = paced.json("list", paced.study)
    assert len(rows) == 9


def test_two_studies_of_a_workspace_are_swept_at_once(paced: PacedSweep) -> None:
    words = paced.options(5, epochs=2)
    starts = [paced.start(words[0], name, *words[2:]) for name in (paced.study, "other")]
    for process in starts:
        _, said = process.communicate(timeout=400)
        assert process.returncode == 0, said
    paced.assert_whole(5)
    assert_sound(paced, "other", 5)
