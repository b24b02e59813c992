"""The scripts of `deploy/` can be read, and name options that their programs have."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

SCRIPTS = sorted((ROOT / "deploy").iterdir())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_bash_can_read_a_script(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")


@pytest.mark.parametrize("what", ["scheduler", "worker"])
def test_dask_has_the_options_that_a_script_gives(what: str) -> None:
    text = (ROOT / "deploy" / f"{what}.sh").read_text()
    given = set(re.findall(r"(?<!\S)--[a-z-]+", text.partition("exec dask")[2]))
    done = subprocess.run([sys.executable, "-m", "dask", what, "--help"], capture_output=True, text=True, check=True)
    assert {"--no-dashboard", "--tls-key"} < given
    assert given <= set(re.findall(r"--[a-z-]+", done.stdout))
