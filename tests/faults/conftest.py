"""What the tests of faults share: a space whose trials last as long as a test needs, and a sweep of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from invariant import assert_sound
from optuna.trial import FrozenTrial, TrialState
from support import Workspace

from sweeps.study import study as studies
from tracking import Store, find_store

#: trials cost next to nothing but the seconds that the file `pace` gives; `build` and epochs can be told to misbehave;
#: the points outnumber all trials of a test by far, those that are given up among them
SPACE = """
import time
from pathlib import Path

import keras
import keras_tuner

HERE = Path(__file__).parent


class Pace(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if self.params["epochs"] == 1 and not (HERE / "greedy").exists():
            return  # the look at the space
        (HERE / "epochs").open("a").write(f"{epoch}\\n")
        if (HERE / "greedy").exists():
            (HERE / "greedy").unlink()
            hoard = []
            while True:
                hoard.append(b"x" * 50_000_000)
                time.sleep(0.02)
        until = time.monotonic() + float((HERE / "pace").read_text())
        while time.monotonic() < until:
            time.sleep(0.01)


class Space(keras_tuner.HyperModel):
    def build(self, hp):
        if (HERE / "raise").exists():
            raise RuntimeError("told to raise")
        if (HERE / "hang").exists():
            (HERE / "hang").unlink()
            time.sleep(3600)
        inputs = keras.Input((8, 8))
        hidden = keras.layers.Dense(hp.Int("units", 4, 400))(keras.layers.Flatten()(inputs))
        model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(hidden))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, **kwargs):
        kwargs["callbacks"] = [*kwargs.get("callbacks", []), Pace()]
        return model.fit(*args, **kwargs)
"""

#: seconds of an epoch that does not end while a test runs
FOR_EVER = 900.0


class PacedSweep(Workspace):
    """A workspace with the space above, and its study `paced`."""

    study = "paced"

    @property
    def environment(self) -> dict[str, str]:
        """With temporary files where a test sees what is left of them."""
        (self.folder / "tmp").mkdir(exist_ok=True)
        return super().environment | {"TMPDIR": str(self.folder / "tmp")}

    def pace(self, seconds: float) -> None:
        """From now on an epoch takes so long."""
        (self.folder / "pace").write_text(str(seconds))

    def tell(self, name: str) -> None:
        """Let a trial misbehave: `greedy`, `hang`, or all of them: `raise`."""
        (self.folder / name).touch()

    def options(self, trials: int, *more: str, jobs: int = 1, epochs: int = 2) -> list[str]:
        """The words of `sweeps` that run the study."""
        words = ["run", self.study, "--space", "space.py:Space", "--pruner", "none", "--sampler", "random"]
        return [*words, "--trials", str(trials), "--jobs", str(jobs), "--epochs", str(epochs), *more]

    def resume(self, trials: int, epochs: int = 2) -> None:
        """Run what is missing to the end, in no time."""
        self.pace(0)
        done = self.sweeps(*self.options(trials, epochs=epochs))
        assert done.returncode == 0, done.stderr

    def assert_whole(self, trials: int) -> None:
        """What must hold after a fault and a resume: the study is sound, so many trials count, and nothing is left."""
        assert_sound(self, self.study, trials)
        self.assert_no_process_left()
        # Dask's, and ours for the making of the MLflow store: files that stay, locks that the kernel takes away
        names = {path.name for path in self.folder.rglob("*")} - {"global.lock", "purge.lock", ".lock"}
        assert not [name for name in names if name.endswith((".lock", ".rename", ".dirlock", ".tmp"))]
        assert not [name for name in names if name.startswith(("sweeps-model-", "worker-"))]

    def assert_no_process_left(self) -> None:
        """No process works in the folder any more; a killed one's temporary files go when the next one starts."""
        deadline = time.monotonic() + 10
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left

    def processes(self) -> list[psutil.Process]:
        """Those whose current folder is this one: `sweeps`, its workers, what those have started."""
        found = []
        for process in psutil.process_iter():
            try:
                if Path(process.cwd()) == self.folder and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return [process for process in found if process.pid != os.getpid()]

    def record(self) -> Store:
        """The study's MLflow store."""
        found = find_store(f"sqlite:///{self.folder}/runs/mlflow.db", self.study)
        assert found is not None
        return found

    def epochs_begun(self) -> int:
        """How many epochs have begun in all processes together."""
        file = self.folder / "epochs"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def wait_for(self, what: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 400) -> None:
        """Wait until it is so, while the process runs."""
        deadline = time.monotonic() + seconds
        while not what():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.05)

    def in_mid_epoch(self, process: subprocess.Popen[str]) -> None:
        """Wait until a trial has begun an epoch."""
        begun = self.epochs_begun()
        self.wait_for(lambda: self.epochs_begun() > begun, process)

    def trials(self, state: TrialState) -> list[FrozenTrial]:
        """The study's trials in that state; none while there is no study."""
        journal = self.folder / "runs/studies" / self.study / "journal.log"
        if not studies.begun(journal):
            return []
        return studies.load(self.study, journal).get_trials(deepcopy=False, states=(state,))

    def workers(self, process: subprocess.Popen[str]) -> list[psutil.Process]:
        """The worker processes of a running sweep."""
        return [worker for server in self._fork_servers(process) for worker in server.children()]

    def fork_server(self, process: subprocess.Popen[str]) -> psutil.Process:
        """The process that the workers of a running sweep are forked from."""
        return self._fork_servers(process)[0]

    def _fork_servers(self, process: subprocess.Popen[str]) -> list[psutil.Process]:
        # some children are there for a moment only
        known = psutil.process_iter(["ppid", "cmdline"])
        children = [child for child in known if child.info["ppid"] == process.pid]
        return [child for child in children if "forkserver" in " ".join(child.info["cmdline"] or ())]


@contextmanager
def paced_sweep(folder: Path, tracking_uri: str | None = None) -> Iterator[PacedSweep]:
    """A workspace of the paced space; what a failed test leaves running is killed."""
    made = PacedSweep(folder, tracking_uri)
    (folder / "space.py").write_text(SPACE)
    made.pace(0)
    yield made
    for process in made.processes():
        os.kill(process.pid, signal.SIGKILL)


@pytest.fixture
def paced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PacedSweep]:
    """See `paced_sweep`."""
    with paced_sweep(tmp_path_factory.mktemp("paced")) as made:  # a short path: the fork server's socket is below it
        yield made
