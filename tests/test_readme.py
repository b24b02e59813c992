"""The README's counts of tests are those that pytest collects."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from faults import test_storm

ROOT = Path(__file__).parent.parent

#: prints of each test that pytest collects its file, and whether it has an input refused
COLLECT = """
import sys, pytest

class Printed:
    def pytest_collection_finish(self, session):
        for item in session.items:
            print("FOUND", item.nodeid.partition("::")[0], "refused" in item.fixturenames)

sys.exit(pytest.main(["--collect-only", "-qq", "-m", "", *sys.argv[1:]], plugins=[Printed()]))
"""
FAULTS = re.compile(r"tests/(faults/|tracking/test_outages|sweeps/test_(checkpoint|doctor|journal|resume|snapshot))")


@pytest.fixture(scope="module")
def collected() -> list[tuple[str, bool]]:
    """Of each test that `make test-faults` runs, its file, and whether it has an input refused."""
    shown = subprocess.run(["make", "-n", "test-faults"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [word for word in shown.split() if word.startswith("tests/")]
    command = [sys.executable, "-c", COLLECT, *paths]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout
    found = [line.split() for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    return [(file, refused == "True") for _, file, refused in found]


@pytest.mark.parametrize(
    ("row", "counts"),
    [
        ("tests of faults", lambda file, _: FAULTS.match(file)),
        ("hostile inputs", lambda file, refused: refused or file == "tests/hostile/test_hostile_stores.py"),
    ],
)
def test_the_readme_tells_how_many_there_are(
    collected: list[tuple[str, bool]], row: str, counts: Callable[[str, bool], object]
) -> None:
    assert told(row) == sum(bool(counts(*test)) for test in collected)


def test_the_readme_tells_how_many_kills_a_sweep_survives() -> None:
    assert told("random kills") == test_storm.KILLS


def told(row: str) -> int:
    """The count of the README's row that begins so."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"^\| {row}[^|]*\| ([\d,]+) \|", readme, re.MULTILINE)
    return int(found.replace(",", ""))
