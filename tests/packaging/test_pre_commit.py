"""The hooks of pre-commit are the commands of `make check`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import yaml
from support import ROOT

HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]


def test_the_hooks_run_what_make_check_runs(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text(encoding="utf-8"))
    for file in ("pyproject.toml", "constraints.txt", ".venv/installed"):  # in this order: nothing is to be installed
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    environment = {"PATH": os.environ["PATH"]}
    command = ["make", "--dry-run", "check"]
    printed = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    *commands, _ = printed.splitlines()  # the last line is that of `make test`
    assert commands == [hook["entry"] for repo in HOOKS for hook in repo["hooks"]]


def test_pre_commit_downloads_nothing() -> None:
    assert [repo["repo"] for repo in HOOKS] == ["local"]
    assert {hook["language"] for repo in HOOKS for hook in repo["hooks"]} == {"system"}
