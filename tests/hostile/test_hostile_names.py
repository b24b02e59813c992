"""Names that would be paths, options, commands or pictures of other names: none leaves the workspace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from hostile.cases import Hostile, hostile
from hostile.conftest import Refused
from sweeps.config import default_study, load_config
from sweeps.system import paths

STUDIES = {
    "empty": "",
    "parent": "../x",
    "absolute": "/etc/x",
    "folder": "a/b",
    "backslash": "a\\b",
    "dots": "..",
    "hidden": ".x",
    "space": "a b",
    "newline": "a\nb",
    "newline at the end": "a\n",
    "tab": "a\tb",
    "bell": "a\a",
    "nul": "a\0b",
    "emoji": "sheep\N{SHEEP}",
    "letters of another script": "нет",
    "right-to-left": "\N{RIGHT-TO-LEFT OVERRIDE}x",
    "zero width": "a\N{ZERO WIDTH SPACE}b",
    "command": "a;$(touch x)",
    "backquotes": "a`touch x`",
    "quote": "a'b",
    "hash": "a#b",
    "percent": "a%2fb",
    "query": "a?b",
    "star": "*",
    "tilde": "~",
    "513 characters": "x" * 513,
    "65 characters": "x" * 65,
}

#: `sweeps -- -x` as well: what begins with a dash is an option otherwise
COMMANDS = {"run": ["run"], "status": ["status"], "list": ["list"], "best": ["best"], "export": ["export"]}


def study(kind: str, name: str, command: str) -> Any:
    return hostile(f"{command} {kind}", [*COMMANDS[command], "--", name], "study", "A-Z a-z 0-9", repr(name))


NAMES = [study(kind, name, "run") for kind, name in STUDIES.items()]
NAMES += [study(kind, STUDIES[kind], command) for command in COMMANDS for kind in ("parent", "nul") if command != "run"]
NAMES += [
    study("leading dash", "-x", "run"),
    hostile("leading dash as an option", ["run", "-x"], "'-x'"),
    hostile("space leaves", ["run", "s", "--space", "../x.py:build"], "'../x.py'", "file"),
    hostile("space of 5,000 characters", ["run", "s", "--space", "x" * 5000 + ".py:build"], "name too long"),
    hostile("space of nobody's home", ["run", "s", "--space", "~nobody-at-all/x.py:build"], "~nobody-at-all/x.py"),
    hostile("space is a pipe", ["run", "s", "--space", "p.py:build"], "p.py", "pipe", **{"p.py": os.mkfifo}),
    hostile("dataset of 5,000 characters", ["run", "s", "--dataset", "x" * 5000 + ".csv"], "too long"),
    hostile(
        "dataset that is a command", ["run", "s", "--dataset", "$(touch x);.csv"], "$(touch x);.csv'", "no such file"
    ),
]


@pytest.mark.parametrize("case", NAMES)
def test_a_hostile_name_is_refused(case: Hostile, refused: Refused) -> None:
    refused(case)


@pytest.mark.parametrize("name", ["../x", "a/b", "a\0b", "\N{RIGHT-TO-LEFT OVERRIDE}x", "x" * 65])
def test_no_path_is_made_of_a_hostile_name(name: str) -> None:
    for path in (paths.study_folder, paths.journal, paths.export_folder):
        with pytest.raises(Exception, match="a name is 1 to 64"):
            path(name)


@pytest.mark.parametrize(
    ("dataset", "study"),
    [
        ("my data (1).csv", "my-data-1-mlp"),
        ("sheep\N{SHEEP}.csv", "sheep-mlp"),
        ("\N{SHEEP}.csv", "mlp"),
        ("x" * 200 + ".csv", "x" * 60 + "-mlp"),
        ("-rf.csv", "rf-mlp"),
        ("a#b%2fc.npz", "a-b-2fc-mlp"),
    ],
)
def test_a_study_without_a_name_gets_one_that_is_allowed_whatever_its_data_is_called(dataset: str, study: str) -> None:
    assert load_config({"dataset": dataset}).study == study == default_study(dataset, "mlp")


@pytest.mark.parametrize("where", ["studies", "exports"])
def test_a_link_in_the_place_of_a_study_or_an_export_is_not_followed(
    where: str, here: Path, tmp_path_factory: pytest.TempPathFactory, refused: Refused
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "journal.log").write_text("mine\n")
    place = here / "runs" / "studies" if where == "studies" else here / "exports"
    place.mkdir(parents=True)
    (place / "s").symlink_to(outside)
    said = refused(Hostile(("export", "s", "--force"), ("link", str(outside))))
    assert where in said
    assert (outside / "journal.log").read_text() == "mine\n"


def test_a_workspace_that_is_a_link_is_used(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (here / "runs").symlink_to(tmp_path_factory.mktemp("large-disk"))
    assert paths.study_folder("s") == here / "runs" / "studies" / "s"
