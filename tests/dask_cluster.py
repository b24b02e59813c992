"""A Dask scheduler and workers as somebody starts them by hand: processes of their own, without a common folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from distributed import Client, Security
from distributed.versions import VersionMismatchWarning
from support import ROOT

#: an epoch lasts as long as a file says; who begins which is written down
SPACE = """
import os
import time
from pathlib import Path

import keras
import keras_tuner
from beside import HERE


class Pace(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if self.params["epochs"] > 1:  # else the look at the space
            (HERE / "epochs").open("a").write(f"{os.getpid()} {self.model.name} {epoch}\\n")
            time.sleep(float((HERE / "pace").read_text()))


class Space(keras_tuner.HyperModel):
    def build(self, hp):
        units = hp.Int("units", 4, 400)
        inputs = keras.Input((8, 8))
        hidden = keras.layers.Dense(units)(keras.layers.Flatten()(inputs))
        outputs = keras.layers.Dense(10, activation="softmax")(hidden)
        model = keras.Model(inputs, outputs, name=f"units_{units}")
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, callbacks=(), **options):
        return model.fit(*args, callbacks=[*callbacks, Pace()], **options)
"""


def lay_out_slow_space(folder: Path) -> None:
    """Write `space.py:Space` there, whose epochs last as long as the file `pace` says, on whatever worker."""
    (folder / "space.py").write_text(SPACE)
    (folder / "beside.py").write_text(f"from pathlib import Path\n\nHERE = Path({str(folder)!r})\n")


def epochs_begun(folder: Path) -> list[tuple[int, str, int]]:
    """The process, the model and the number of each epoch that has begun."""
    file = folder / "epochs"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(pid), model, int(epoch)) for pid, model, epoch in map(str.split, lines)]


@dataclass
class DaskCluster:
    """A scheduler on this machine, and its workers.

    Attributes:
        folder: has a folder for each process.
        security: files of certificates, as options of `dask scheduler` and `dask worker`; empty: no TLS.
        host: the scheduler's address.
        workers: the processes that `dask worker` started, each the parent of one that runs trials.
    """

    folder: Path
    security: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    address: str = ""

    def start(self) -> None:
        """Start the scheduler."""
        said = self.folder / "scheduler.json"
        tls = ("--protocol", "tls") if self.security else ()
        options = ("--host", self.host, "--port", "0", "--no-dashboard", "--scheduler-file", str(said))
        self._start("scheduler", *options, *tls, *self.security)
        deadline = time.monotonic() + 60
        while not said.exists() or not said.read_text().endswith("}"):
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)
        self.address = json.loads(said.read_text())["address"]

    def add(self, name: str, *more: str, where: tuple[str, ...] = (), **variables: str) -> subprocess.Popen[bytes]:
        """Start a worker.

        Args:
            name: of the worker, and of its folder.
            more: options of `dask worker`.
            where: a command that runs the rest of its line, on another host say.
            variables: of its environment, beside those of this process.
        """
        folder = self.folder / name
        options = ("--nthreads", "1", "--no-dashboard", "--name", name, "--local-directory", str(folder), *more)
        return self._start("worker", self.address, *options, *self.security, name=name, where=where, **variables)

    def client(self) -> Client:
        """A connection, whatever versions the workers have."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)
            return Client(self.address, set_as_default=False, timeout=30, security=self._security())

    def pids(self) -> dict[str, int]:
        """Of the processes that run trials, by the workers' names."""
        with self.client() as client:
            known = client.scheduler_info(n_workers=-1)["workers"]
            pids = client.run(os.getpid)
        return {known[address]["name"]: pid for address, pid in pids.items() if address in known}

    def said(self) -> str:
        """What all processes have written."""
        return "\n".join(f"{file}:\n{file.read_text()}" for file in self.folder.glob("*.log"))

    def wait_for(self, workers: int) -> None:
        """Wait until so many workers are there."""
        with self.client() as client:
            client.wait_for_workers(workers, timeout=120)

    def end(self, only: subprocess.Popen[bytes] | None = None) -> None:
        """End one process and its children, or all."""
        for process in self.processes if only is None else [only]:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes = [process for process in self.processes if process.poll() is None]

    def _security(self) -> Security | None:
        if not self.security:
            return None
        files = dict(zip(self.security[::2], self.security[1::2], strict=True))
        certificate, key = files["--tls-cert"], files["--tls-key"]
        return Security(tls_ca_file=files["--tls-ca-file"], tls_client_cert=certificate, tls_client_key=key)

    def _start(
        self, what: str, *options: str, name: str = "", where: tuple[str, ...] = (), **variables: str
    ) -> subprocess.Popen[bytes]:
        folder = self.folder / (name or what)
        folder.mkdir(exist_ok=True)
        with (self.folder / f"{name or what}.log").open("wb") as log:
            process = subprocess.Popen(
                [*where, sys.executable, "-m", "dask", what, *options],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process
