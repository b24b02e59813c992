"""Configuration files and lists of trials: what is no TOML, no JSON, or not what an option allows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from hostile.cases import Content, Hostile, hostile
from hostile.conftest import Refused
from sweeps.config import load_config
from sweeps.engine.sweep import check


def toml(name: str, content: Content, *says: str) -> Any:
    return hostile(name, ["run", "s", "--config", "sweep.toml"], *says, **{"sweep.toml": content})


def json(name: str, content: Content, *says: str) -> Any:
    return hostile(name, ["run", "s", "--enqueue", "t.json"], "--enqueue", "'t.json'", *says, **{"t.json": content})


def bomb(path: Path) -> None:
    """A file of a gigabyte that takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(2**30)


FILES = [
    toml("empty file", "", "--config", "'sweep.toml'", "empty"),
    toml("yaml", "- trials: 3", "--config", "not TOML", "line 1"),
    toml("json", '{"trials": 3}', "--config", "not TOML", "line 1"),
    toml("no value", "trials = ", "--config", "not TOML", "end of document"),
    toml("binary", b"\x00\x01\xff", "--config", "utf-8"),
    toml("latin-1", 'target = "größe"'.encode("latin-1"), "--config", "utf-8"),
    toml("utf-16", "trials = 3".encode("utf-16"), "--config", "utf-8"),
    toml("unknown key", "trails = 3", "unknown option 'trails'", "Did you mean 'trials'", "Allowed:"),
    toml("unknown table", "[optuna]\nsampler = 'tpe'", "unknown option 'optuna'", "Allowed:"),
    toml("duplicate key", "trials = 3\ntrials = 4", "not TOML", "overwrite"),
    toml("one key in two spellings", "time-budget = 3\ntime_budget = 4", "time-budget", "twice"),
    toml("boolean for trials", "trials = true", "--trials", "a number is wanted", "got True"),
    toml("boolean for seed", "seed = false", "--seed", "a number is wanted", "got False"),
    toml("boolean for time", "time-budget = true", "--time-budget", "a number is wanted", "got True"),
    toml("boolean for a name", "space = true", "--space", "string", "got True"),
    toml("half a trial", "trials = 2.5", "--trials", "got 2.5"),
    toml("nan trials", "trials = nan", "--trials", "got nan"),
    toml("infinite epochs", "epochs = inf", "--epochs", "got inf"),
    toml("infinite time", "time-budget = inf", "--time-budget", "less than or equal to", "got inf"),
    toml("trials beyond integers", f"trials = {10**30}", "--trials", "got 1000"),
    toml("words for jobs", 'jobs = "two"', "--jobs", "got 'two'"),
    toml("list for trials", "trials = [3]", "--trials", "got [3]"),
    toml("list for a dataset", 'dataset = ["digits"]', "--dataset", "string", "got ['digits']"),
    toml("number for a sampler", "sampler = 3", "--sampler", "string", "got 3"),
    toml("date for an objective", "objective = 2024-01-01", "--objective", "string"),
    hostile(
        "study that leaves",
        ["run", "--config", "sweep.toml"],
        *("study", "'../../x'", "A-Z a-z 0-9"),
        **{"sweep.toml": 'study = "../../x"'},
    ),
    toml("set is a number", "set = 3", "--set", "got 3"),
    toml("set holds an empty list", "[set]\noptimizer = []", "--set", "optimizer", "[]"),
    toml("set holds a table", "[set]\noptimizer = {a = 1}", "--set", "optimizer", "{'a': 1}"),
    toml("set holds a list of lists", "[set]\nn_hidden = [[1]]", "--set", "n_hidden", "[[1]]"),
    toml("deeper than any stack", "a = " + "[" * 100_000, "--config", "nested"),
    toml("a gigabyte", bomb, "--config", "'sweep.toml'", "bytes"),
    toml("pipe", os.mkfifo, "--config", "'sweep.toml'", "pipe"),
    toml("folder", Path.mkdir, "--config", "'sweep.toml'", "folder"),
    toml("link to nowhere", lambda path: path.symlink_to("nowhere"), "--config", "'sweep.toml'", "no such file"),
    toml("enqueue with a NUL", r'enqueue = "a\u0000b"', "--enqueue", r"'a\x00b'", "null"),
    toml("dataset with a NUL", r'dataset = "a\u0000.csv"', "dataset", r"a\x00.csv'", "null"),
    toml("space with a NUL", r'space = "a\u0000.py:build"', "space", r"'a\x00.py'", "null"),
]

TRIALS = [
    json("empty file", "", "empty"),
    json("no list", "{}", "list of parameter dictionaries"),
    json("nothing", "null", "list of parameter dictionaries"),
    json("list of numbers", "[1]", "list of parameter dictionaries"),
    json("cut off", "[{", "not JSON", "line 1"),
    json("python", "[{'n_hidden': 3}]", "not JSON", "line 1"),
    json("binary", b"\xff\xfe\x00", "utf-8"),
    json("duplicate key", '[{"n_hidden": 3, "n_hidden": 4}]', "'n_hidden'", "twice"),
    json("deeper than any stack", "[" * 100_000, "nested"),
    json("a number of 5,000 digits", f'[{{"n_hidden": {"9" * 5000}}}]', "not JSON", "digits"),
    json("a gigabyte", bomb, "bytes"),
    json("pipe", os.mkfifo, "pipe"),
    json("folder", Path.mkdir, "folder"),
]


@pytest.mark.parametrize("case", FILES)
def test_a_hostile_configuration_is_refused(case: Hostile, refused: Refused) -> None:
    refused(case)


@pytest.mark.parametrize("case", TRIALS)
def test_a_hostile_list_of_trials_is_refused(case: Hostile, refused: Refused) -> None:
    refused(case)


def test_files_with_a_byte_order_mark_are_read(here: Path) -> None:
    (here / "sweep.toml").write_bytes(b"\xef\xbb\xbftrials = 3\r\nenqueue = 't.json'\r\n")
    (here / "t.json").write_bytes(b'\xef\xbb\xbf[{"n_hidden": 3}]')
    config = load_config({}, here / "sweep.toml")
    assert config.trials == 3
    assert check(config).enqueue == ({"n_hidden": 3},)
