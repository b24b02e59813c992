"""A journal that is not what was written: a right answer or an error that names the file, never a traceback."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest

from sweeps.cli.main import main
from sweeps.doctor.finding import StudyContext
from sweeps.doctor.trials import check_trials
from sweeps.errors import CorruptStore, SweepError
from sweeps.space.fingerprint import SpaceSource
from sweeps.study import results
from sweeps.study import study as studies
from sweeps.study.attributes import EPOCH, MODEL_URI, PARAMS, RUN_ID, TOTAL
from sweeps.study.identity import Identity
from sweeps.study.study import StudyRef
from sweeps.system import paths
from tracking import Store

IDENTITY = Identity("space.py:build", "digits", "abc", "val_accuracy", "maximize", 4, 0, ())


@pytest.fixture
def journal(here: Path) -> Iterator[Path]:
    """Of study "s": two trials COMPLETE, one PRUNED, one FAIL."""
    path = paths.journal("s")
    study = studies.create(StudyRef("s", path, "random", "none"), IDENTITY, SpaceSource())
    study.set_user_attr(TOTAL, 3)
    for number, state in enumerate(("COMPLETE", "PRUNED", "FAIL", "COMPLETE")):
        trial = study.ask()
        trial.set_user_attr(RUN_ID, f"run{number}")
        trial.suggest_int("units", 1, 64)
        trial.report(0.5, 1)
        trial.set_user_attr(PARAMS, trial.params)
        if state == "COMPLETE":
            trial.set_user_attr(EPOCH, 1)
            trial.set_user_attr(MODEL_URI, f"models:/m{number}")
        study.tell(trial, number / 10 if state == "COMPLETE" else None, optuna.trial.TrialState[state])
    yield path
    studies.forget(path)


def answers(journal: Path) -> tuple[object, ...]:
    studies.forget(journal)
    study = results.open_study("s")
    return results.status(study), results.rows(study), results.top(study, 3), results.best(study)


def swapped(lines: list[bytes], n: int) -> list[bytes]:
    return [*lines[:n], *lines[n + 1 : n + 2], lines[n], *lines[n + 2 :]]


DAMAGES: dict[str, Callable[[list[bytes], int], list[bytes]]] = {
    "lost": lambda lines, n: [*lines[:n], *lines[n + 1 :]],
    "swapped": swapped,
    "twice": lambda lines, n: [*lines[: n + 1], *lines[n:]],
    "half zeros": lambda lines, n: [
        *lines[:n],
        lines[n][: len(lines[n]) // 2] + bytes(len(lines[n]) - len(lines[n]) // 2 - 1) + b"\n",
        *lines[n + 1 :],
    ],
    "all zeros": lambda lines, n: [*lines[:n], bytes(len(lines[n])), *lines[n + 1 :]],
    "another operation": lambda lines, n: [*lines[:n], *(b'{"op_code":77}\n', *lines[n + 1 :])],
    "a foreign line": lambda lines, n: [*lines[:n], b"[1]\n", *lines[n:]],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_whichever_line_is_damaged_it_is_noticed(journal: Path, damage: str) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    right = answers(journal)
    assert right[0].trials == {"COMPLETE": 2, "PRUNED": 1, "FAIL": 1, "RUNNING": 0, "WAITING": 0}  # type: ignore[attr-defined]
    for n in range(len(lines)):
        journal.write_bytes(b"".join(DAMAGES[damage](lines, n)))
        if n == len(lines) - 1 and damage in ("lost", "swapped", "all zeros"):  # as before it was written; or as it is
            assert answers(journal)[-1] == right[-1] if damage == "swapped" else answers(journal)
            continue
        with pytest.raises(CorruptStore, match=rf"the journal {journal} is damaged: (line \d+ is|it holds an op)"):
            answers(journal)


@pytest.mark.parametrize("damage", DAMAGES)
def test_in_a_journal_of_an_earlier_release_damage_gives_no_traceback(journal: Path, damage: str) -> None:
    records = [json.loads(line) for line in journal.read_bytes().splitlines()]
    lines = [json.dumps({k: v for k, v in one.items() if k != "at"}).encode() + b"\n" for one in records]
    journal.write_bytes(b"".join(lines))
    assert answers(journal)
    for n in range(len(lines)):
        journal.write_bytes(b"".join(DAMAGES[damage](lines, n)))
        with contextlib.suppress(SweepError):
            answers(journal)


def test_a_complete_trial_that_has_lost_its_model_is_named(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [json.loads(line) for line in journal.read_bytes().splitlines()]
    kept = [one for one in records if "models:/m3" not in json.dumps(one)]
    journal.write_text("".join(json.dumps({k: v for k, v in one.items() if k != "at"}) + "\n" for one in kept))
    studies.forget(journal)
    study = results.open_study("s")
    (found,) = check_trials(StudyContext("s", journal.parent, study, Store("", "", "s"), alive=True))
    assert (found.where, found.what) == ("trial 3", "COMPLETE without its model_uri: the journal has lost lines")
    for command in (["best", "s"], ["export", "s"]):
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert ended.value.code == 5
        said = capsys.readouterr().err
        assert f"the journal {journal} is damaged: trial 3 has no model_uri\nSee: sweeps doctor s" in said


COMMANDS = (
    *(["status"], ["list"], ["best"], ["export"], ["doctor"], ["tensorboard"]),
    *(["run", "--trials", "3"], ["continue", "--trial", "0", "--epochs", "+1"]),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("damage", ["a folder", "a lost line", "another study", "a link to itself"])
def test_every_command_names_a_journal_that_cannot_be_read(
    journal: Path, capsys: pytest.CaptureFixture[str], command: list[str], damage: str
) -> None:
    text = journal.read_text()
    journal.unlink()
    if damage == "a folder":
        journal.mkdir()
    elif damage == "a link to itself":
        journal.symlink_to(journal)
    elif damage == "a lost line":
        first, _, *others = text.splitlines(keepends=True)
        journal.write_text("".join((first, *others)))
    else:
        journal.write_text(text.splitlines()[0].replace('"s"', '"t"') + "\n")
    studies.forget(journal)
    with pytest.raises(SystemExit) as ended:
        main([command[0], "s", *command[1:]])
    said = capsys.readouterr().err
    assert ended.value.code == 5, said
    assert str(journal) in said
    assert len(said.strip().splitlines()) <= 2


def test_an_empty_journal_is_of_no_study_yet(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal.write_bytes(b"")
    studies.forget(journal)
    with pytest.raises(SystemExit) as ended:
        main(["best", "s"])
    assert ended.value.code == 2
    assert "unknown study 's'" in capsys.readouterr().err


def test_no_value_within_a_record_gives_a_traceback(journal: Path) -> None:
    records = [json.loads(line) for line in journal.read_bytes().splitlines()]
    records = [{name: value for name, value in record.items() if name != "at"} for record in records]
    refused = 0
    for n, record in enumerate(records):
        attributes = record.get("user_attr", {})
        changed = [{**record, name: value} for name in record for value in (None, "x", -1, 99, [], {})]
        changed += [{**record, "user_attr": {name: value}} for name in attributes for value in (None, "x", -1, [], {})]
        for one in changed:
            journal.write_text("".join(json.dumps(each) + "\n" for each in [*records[:n], one, *records[n + 1 :]]))
            try:
                answers(journal)
            except SweepError:
                refused += 1
    assert refused > 100
