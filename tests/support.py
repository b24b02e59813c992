"""The command line, as a process of its own or in this one."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from distributed import Client

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

    def sweeps(self, *arguments: str, timeout: float = 540) -> subprocess.CompletedProcess[str]:
        """Run `sweeps …` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "sweeps", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def here(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `sweeps …` in this process, which has imported everything: for a command that starts no worker."""
        from sweeps.cli.main import main

        said, complained, code = io.StringIO(), io.StringIO(), 0
        handlers = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
        with (
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, self.environment, clear=True),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(complained),
        ):
            try:
                main(arguments)
            except SystemExit as end:
                code = int(end.code or 0)
            finally:
                _forget_modules()
                for signum, handler in handlers.items():
                    signal.signal(signum, handler)
        return subprocess.CompletedProcess(arguments, code, said.getvalue(), complained.getvalue())

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
        done = self.here(*arguments, "--json")
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


@dataclass(frozen=True)
class SharedWorker:
    """A worker process that outlives the sweeps that use it."""

    client: Client

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """What begins a sweep in this process gets this worker in place of workers of its own."""
        from sweeps.confirm import run as confirm
        from sweeps.engine import continuation, lr_find, sweep

        with contextlib.ExitStack() as stack:
            for module in (confirm, continuation, lr_find, sweep):
                stack.enter_context(mock.patch.object(module, "slots", self._slots))
            yield

    def _slots(self, *_: object, **__: object) -> contextlib.AbstractContextManager[Client]:
        from sweeps.engine.dispatcher import Dispatcher

        # by a dispatcher, which replaces a worker that an earlier sweep has ended
        entered = Dispatcher(self.client).run(_enter, str(Path.cwd()), {name: os.environ.get(name) for name in _GIVEN})
        assert (entered.error, entered.death) == (None, None), entered
        return contextlib.nullcontext(self.client)

    def sweeps(self, workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `sweeps …` in this process and its trials in that worker."""
        given = mock.patch.dict(os.environ, workspace.environment, clear=True)
        with contextlib.chdir(workspace.folder), given, self.lent():
            return workspace.here(*arguments)


#: what a worker inherits from who starts it
_GIVEN = ("SWEEPS_HOME", "MLFLOW_TRACKING_URI", "KERAS_HOME")


def _enter(folder: str, variables: dict[str, str | None]) -> None:
    """A worker as it is when it is started in that folder: there, with no module of another test, and not asked to
    stop, as it is by a sweep that ends while a trial runs: it would take no trial any more, and the next sweep wait."""
    from sweeps.engine import reuse

    reuse.leave()
    os.chdir(folder)
    for name, value in variables.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def _forget_modules() -> None:
    """Modules that a test has written are imported anew by the next one, which may have others of the same name."""
    temporary = tempfile.gettempdir()
    for name, module in sys.modules.copy().items():  # a worker may be importing
        if (getattr(module, "__file__", None) or "").startswith(temporary):
            del sys.modules[name]
    sys.path[:] = [place for place in sys.path if not place.startswith(temporary)]
