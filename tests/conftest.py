"""What tests share: a workspace of their own, the command line, and one finished sweep."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

#: read when TensorFlow and MLflow are imported, in this process and those it starts
os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "MLFLOW_DISABLE_TELEMETRY": "true"}


@dataclass(frozen=True)
class Workspace:
    """A folder in which the command line is run as a person would."""

    folder: Path

    def sweeps(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Run `sweeps …` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "sweeps", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `sweeps …` in a process group of its own, as a terminal does."""
        return subprocess.Popen(
            [sys.executable, "-m", "sweeps", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def json(self, *arguments: str) -> Any:
        """What `sweeps … --json` prints."""
        done = self.sweeps(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment, with the checkout importable and no settings of a person's own."""
        checkout = str(Path(__file__).parent.parent)
        unset = {"SWEEPS_HOME", "MLFLOW_TRACKING_URI"}
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        if home := kept.get("KERAS_HOME"):
            kept["KERAS_HOME"] = str(Path(home).absolute())
        return kept | {"PYTHONPATH": checkout}

    @property
    def files(self) -> list[str]:
        """Everything that lies in the folder."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty one."""
    return Workspace(tmp_path)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("SWEEPS_HOME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace in which `sweeps run` has run six trials on digits; tests read it and leave it as it is."""
    made = Workspace(tmp_path_factory.mktemp("finished"))
    done = made.sweeps("run", "--trials", "6", "--epochs", "4", "--pruner", "median")
    assert done.returncode == 0, done.stderr
    (made.folder / "output.txt").write_text(done.stdout)
    return made


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command line in this process, which is to fail with exit code 2; gives what it said."""

    def run(*arguments: str, code: int = 2) -> str:
        from sweeps.cli import main

        with pytest.raises(SystemExit) as end:
            main(arguments)
        captured = capsys.readouterr()
        assert end.value.code == code, captured.err
        said = captured.err.strip()
        assert 1 <= len(said.splitlines()) <= 3
        assert "Traceback" not in said
        return said

    return run
