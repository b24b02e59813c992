"""The command line, run as a person would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: the checkout
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Workspace:
    """A folder in which the command line is run as a person would.

    Attributes:
        tracking_uri: of an MLflow server; None: the workspace's own store.
    """

    folder: Path
    tracking_uri: str | None = None

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

    def copied(self, folder: Path) -> Workspace:
        """A copy that may be changed."""
        shutil.copytree(self.folder, folder)
        return Workspace(folder, self.tracking_uri)

    def json(self, *arguments: str) -> Any:
        """What `sweeps … --json` prints."""
        done = self.sweeps(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment, with the checkout importable and no settings of a person's own."""
        checkout = str(ROOT)
        unset = {"SWEEPS_HOME", "MLFLOW_TRACKING_URI"}
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        if home := kept.get("KERAS_HOME"):
            kept["KERAS_HOME"] = str(Path(home).absolute())
        server = {"MLFLOW_TRACKING_URI": self.tracking_uri} if self.tracking_uri else {}
        return kept | server | {"PYTHONPATH": checkout}

    @property
    def files(self) -> list[str]:
        """Everything that lies in the folder."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))


def first_run(store: Any, metric: str, maximize: bool) -> Any:
    """The run that MLflow itself puts first among the complete trials, sorted by `metric`."""
    from tracking.names import safe_name

    order = f"metrics.`{safe_name(metric)}` {'DESC' if maximize else 'ASC'}"
    (found,) = store.client.search_runs(
        [store.experiment_id], "tags.state = 'COMPLETE'", order_by=[order], max_results=1
    )
    return found
