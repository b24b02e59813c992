"""`make help` lists every target under its use, and every variable with its value."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from support import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
GROUPS = ["Search", "Look at the results", "Use the best model", "Measure", "Develop"]


def printed(*arguments: str, folder: Path) -> str:
    command = ["make", "--no-print-directory", "--file", str(ROOT / "Makefile"), *arguments]
    return subprocess.run(command, cwd=folder, env={"PATH": "/usr/bin:/bin"}, stdout=-1, text=True, check=True).stdout


def test_make_alone_lists_each_target_once_under_its_use(tmp_path: Path) -> None:
    help_ = printed(folder=tmp_path)
    assert re.findall(r"^([A-Z].*)", help_, re.M)[:-1] == GROUPS
    listed = re.findall(r"^  make ([a-z-]+) +\S", help_, re.M)
    phony = re.search(r"^\.PHONY: (.*)", MAKEFILE, re.M)
    assert phony is not None
    assert sorted(listed) == sorted(phony[1].split())


def test_help_explains_each_variable_and_shows_its_value(tmp_path: Path) -> None:
    given = re.search(r"^GIVEN := (.*)", MAKEFILE, re.M)
    assert given is not None
    variables = printed("help", "TRIALS=$(shell echo 60)", folder=tmp_path).partition("Variables")[2]
    assert sorted(re.findall(r"^  ([A-Z]+) +\S", variables, re.M)) == sorted(given[1].split())
    assert "[digits-mlp]" in variables
    assert "[$(shell echo 60)]" in variables
