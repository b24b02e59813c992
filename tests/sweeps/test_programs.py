"""`sweeps.run(…)` where its caller is no importable module: a script without a guard, standard input, a notebook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support import Workspace

#: what each program begins with: a line in a file whenever it is run, and a space of its own functions and names
BEGIN = """
from pathlib import Path
with Path("runs_of_main").open("a") as file:
    file.write("run\\n")

import keras, numpy as np
import sweeps

x = np.random.default_rng(0).random((60, 4), "float32")
data = (x, (x.sum(1) > 2).astype(int))
WIDTH = 3

def layers(hp):
    return [keras.layers.Dense(WIDTH * hp.Int("units", 1, 50)), keras.layers.Dense(2)]

def build(hp):
    model = keras.Sequential([keras.Input((4,)), *layers(hp)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    return model
"""
SWEEP = """
result = sweeps.run(build, data, study="s", trials=3, epochs=1, jobs=2, show=False, baselines=False)
print(result.status.trials["COMPLETE"], __name__)
"""
#: a trial whose worker dies, once: the one that is started in its place does not run the program either
DYING = """
import os
class Dying(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:  # the check of the space has one
            return
        try:
            Path("died").touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), 9)

import keras_tuner
class Space(keras_tuner.HyperModel):
    def build(self, hp):
        return build(hp)
    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        return model.fit(*args, callbacks=[*callbacks, Dying()], **kwargs)

result = sweeps.run(Space(), data, study="s", trials=3, epochs=2, jobs=2, show=False, baselines=False)
assert Path("died").exists()
print(result.status.trials["COMPLETE"], __name__)
"""
#: as Jupyter's kernel does: an event loop runs, and each cell is compiled under the name of a file that is not there
KERNEL = """
import asyncio, linecache, sys
del globals()["__file__"]

async def run(cells):
    for number, source in enumerate(cells):
        name = f"/tmp/ipykernel_1/{number}.py"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, "exec"), globals())
        await asyncio.sleep(0)
        assert asyncio.get_running_loop().is_running()
"""


def run_program(workspace: Workspace, *command: str, given: str | None = None) -> str:
    """Run Python in the workspace; what it printed."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=workspace.folder,
        env=workspace.environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def runs_of_main(workspace: Workspace) -> int:
    return len(Path(workspace.folder, "runs_of_main").read_text().splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("sweep", [SWEEP, DYING], ids=["sweep", "a worker dies"])
def test_a_script_without_a_guard_is_run_once(workspace: Workspace, sweep: str) -> None:
    (workspace.folder / "script.py").write_text(BEGIN + sweep)
    assert run_program(workspace, "script.py").split() == ["3", "__main__"]
    assert runs_of_main(workspace) == 1


@pytest.mark.slow
@pytest.mark.parametrize("module", ["script", "package"])
def test_a_module_that_is_run_without_a_guard_is_run_once(workspace: Workspace, module: str) -> None:
    (workspace.folder / "package").mkdir()
    for file in ("script.py", "package/__main__.py"):
        (workspace.folder / file).write_text(BEGIN + SWEEP)
    assert run_program(workspace, "-m", module).split() == ["3", "__main__"]
    assert runs_of_main(workspace) == 1


@pytest.mark.slow
@pytest.mark.parametrize("sweep", [SWEEP, DYING], ids=["sweep", "a worker dies"])
def test_a_program_on_standard_input_is_run_once(workspace: Workspace, sweep: str) -> None:
    assert run_program(workspace, "-", given=BEGIN + sweep).split() == ["3", "__main__"]
    assert runs_of_main(workspace) == 1


@pytest.mark.slow
def test_cells_of_a_notebook_sweep_what_they_define_while_an_event_loop_runs(workspace: Workspace) -> None:
    further = SWEEP.replace("trials=3", "trials=4")
    changed = (
        "WIDTH = 4\nfrom sweeps.errors import InputError\ntry:"
        + SWEEP.replace("\n", "\n    ")
        + "\nexcept InputError as error:\n    print(error)"
    )
    cells = [BEGIN, SWEEP, further, changed]
    (workspace.folder / "kernel.py").write_text(f"{KERNEL}\nasyncio.run(run({cells!r}))\n")
    said = run_program(workspace, "kernel.py").splitlines()
    assert said[:2] == ["3 __main__", "4 __main__"]
    # a name that the space uses was changed in a later cell
    assert said[2] == "the space build has changed since study 's' was begun: WIDTH"
    assert runs_of_main(workspace) == 1
