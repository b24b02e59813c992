"""Signals, and clocks that are moved, where no sweep is needed to see it."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import ROOT

from sweeps.engine.cluster import SLOTS

TOLD = """
import sys, time
from sweeps.system import signals
from sweeps.errors import Interrupted
signals.listen("go on with: this")
try:
    with signals.deferred():
        print("ready", flush=True)
        sys.stdin.readline()
        print("written whole", flush=True)
        signals.raise_if_interrupted()
    print("ready", flush=True)
    time.sleep(60)
except Interrupted as told:
    print(told)
    sys.exit(told.exit_code)
"""


def told() -> subprocess.Popen[str]:
    """A process that is ready, and defers signals until it is sent a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", TOLD],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    ("signum", "code", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended by SIGTERM")],
)
def test_a_first_signal_waits_for_what_must_not_be_torn(signum: int, code: int, said: str) -> None:
    process = told()
    process.send_signal(signum)
    out, _ = process.communicate("\n", timeout=300)
    assert process.returncode == code
    assert out.splitlines() == ["written whole", said]


def test_a_second_signal_does_not_wait_and_says_how_to_go_on() -> None:
    process = told()
    while process.poll() is None:  # two that come at once are one
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    out, said = process.communicate()
    assert process.returncode == 130
    assert (out, said) == ("", "sweeps: go on with: this\n")


#: a command that has started something, as `serve` has its server
STARTED = """
import time
from sweeps.cli.main import cli, main

def wait(**_):
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        open("ended", "w").close()

cli.commands["list"].callback = wait
main(["list", "study"])
"""


def test_a_command_whose_terminal_is_closed_ends_what_it_has_started(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STARTED],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=300)
    assert process.returncode == 129
    assert (tmp_path / "ended").exists()


#: a command that meets a Ctrl-C in code that is run by `exec`, as that of a dataclass is while it is imported
EXECUTED = """
import os, signal, sys
from sweeps.cli.main import cli, main
cli.commands["list"].callback = lambda **_: exec("os.kill(os.getpid(), signal.SIGINT); [None for _ in range(9)]")
main(["list", "study"])
"""


def test_ctrl_c_has_its_exit_code_where_python_would_die_of_the_signal(tmp_path: Path) -> None:
    (tmp_path / "executed.py").write_text(EXECUTED)
    ended = subprocess.run(
        [sys.executable, "-m", "executed"],
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (130, "", "sweeps: interrupted")


def test_ctrl_c_while_the_command_line_is_imported_leaves_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    ended = subprocess.run(
        [sys.executable, "-m", "sweeps", "list"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


COLLECTING = """
import gc, os, signal, sys, time
from sweeps.system import signals
from sweeps.errors import Interrupted

def collected(phase, info):
    gc.callbacks.clear()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0)

signals.listen("go on with: this")
gc.callbacks.append(collected)
try:
    gc.collect()
    print("lost", flush=True)
    time.sleep(60)
except Interrupted as told:
    print(told)
    sys.exit(told.exit_code)
"""


def test_a_signal_that_is_met_within_a_garbage_collection_is_not_lost() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COLLECTING], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stderr) == (130, "")
    assert done.stdout.splitlines() == ["lost", "interrupted"]


def test_a_terminal_that_is_closed_ends_a_process_that_does_not_ignore_it() -> None:
    process = told()
    process.send_signal(signal.SIGHUP)
    process.communicate("\n", timeout=300)
    assert process.returncode == 129


def test_no_decision_hangs_on_a_clock_that_may_be_moved() -> None:
    """All deadlines are `time.monotonic()`; only the record names moments, in `tracking`."""
    for room in ("sweeps", "search_spaces"):
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute):
                    assert ast.unparse(node) not in ("time.time", "datetime.now", "datetime.utcnow"), file
    assert SLOTS["distributed.scheduler.worker-ttl"] is None  # Dask measures it by the wall clock
