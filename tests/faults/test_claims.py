"""Several processes at one study: its budget is shared, and what a dead one held is free again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from support import ROOT

from sweeps.study.budget import Budget
from sweeps.study.claims import Claims
from sweeps.study.identity import Identity
from sweeps.study.study import StudyRef, create, forget

CLAIM = """
import sys, time
from pathlib import Path
from sweeps.study.budget import Budget
from sweeps.study.claims import Claims
from sweeps.study.study import StudyRef
folder, total, then = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
study = StudyRef("shared", folder / "journal.log", "random", "none").open()
claims = Claims(folder)
got = 0
while True:
    with claims.claim(study, Budget(total)) as trial:
        if trial is None:
            break
        got += 1
        if then == "hold":
            print("held", flush=True)
            time.sleep(600)
        trial.suggest_float("x", 0, 1)
        study.tell(trial, 0.5)
print(got, flush=True)
"""


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    identity = Identity("mlp", "digits", "0", "val_accuracy", "maximize", 1, 0, ())
    return create(StudyRef("shared", tmp_path / "journal.log", "random", "none"), identity)


# not "qmc": of one sequence whoever asks first has the next point
@pytest.mark.parametrize("sampler", ["random", "tpe", "tpe-multivariate", "nsga2"])
def test_what_a_trial_draws_follows_from_its_number_not_from_who_asked_first(tmp_path: Path, sampler: str) -> None:
    def drawn(name: str, order: tuple[int, ...]) -> dict[int, float]:
        ref = StudyRef("shared", tmp_path / name / "journal.log", sampler, "none", seed=7)
        create(ref, Identity("mlp", "digits", "0", "val_accuracy", "maximize", 1, 7, ()))
        claims, trials = Claims(tmp_path / name), []
        with contextlib.ExitStack() as running:
            for _ in order:
                forget(ref.journal)  # each in a process of its own
                worker = ref.open()
                trials.append(running.enter_context(claims.claim(worker, Budget(9), None, ref.sampler_of)))
            return {trials[i].number: trials[i].suggest_float("x", 0, 1) for i in order}

    found = drawn("one", (0, 1, 2))
    assert drawn("other", (2, 0, 1)) == found
    assert len(set(found.values())) == 3


def claiming(folder: Path, total: int, then: str) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", CLAIM, str(folder), str(total), then]
    checkout = str(ROOT)
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": checkout})


def test_processes_that_race_for_a_budget_never_overshoot_it(study: optuna.Study, tmp_path: Path) -> None:
    racing = [claiming(tmp_path, 40, "tell") for _ in range(4)]
    got = [int(process.communicate(timeout=500)[0]) for process in racing]
    assert sum(got) == 40
    assert len(study.get_trials()) == 40


def test_what_a_killed_or_stopped_process_claims(study: optuna.Study, tmp_path: Path) -> None:
    process = claiming(tmp_path, 1, "hold")
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    claims = Claims(tmp_path)
    assert claims.unclaimed(study, Budget(1)) == 0
    os.kill(process.pid, signal.SIGSTOP)
    assert claims.unclaimed(study, Budget(1)) == 0
    assert not claims.abandoned(study)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert claims.unclaimed(study, Budget(1)) == 1
    assert [trial.number for trial in claims.abandoned(study)] == [0]


def test_a_process_killed_while_it_writes_to_the_journal_stops_nobody(study: optuna.Study, tmp_path: Path) -> None:
    hold = "import sys,time; from pathlib import Path; from sweeps.storage.journal import JournalLock as Lock\n"
    hold += "lock = Lock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); time.sleep(600)"
    process = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "journal.log")],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.kill()
    process.communicate()
    begun = time.monotonic()
    study.tell(study.ask(), 0.5)
    assert time.monotonic() - begun < 25  # a lock that is a file holds for 30 seconds


def test_a_claim_ends_with_its_block(study: optuna.Study, tmp_path: Path) -> None:
    claims = Claims(tmp_path)
    with claims.claim(study, Budget(1)) as trial:
        assert trial is not None
        assert claims.unclaimed(study, Budget(1)) == 0
    assert claims.unclaimed(study, Budget(1)) == 1
    assert [trial.number for trial in claims.abandoned(study)] == [0]
