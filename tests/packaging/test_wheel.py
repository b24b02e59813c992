"""The wheel is complete: installed away from the checkout, it searches with every registered space."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from support import ROOT

from search_spaces.registry import SPACES

PACKAGES = {"search_spaces", "sweeps", "tracking"}
NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "build", "*.egg-info", "runs", "exports")

IMPORT_ALL = """
import importlib, pkgutil
for package in map(importlib.import_module, ("search_spaces", "sweeps", "tracking")):
    print(package.__file__)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            print(importlib.import_module(module.name).__file__)
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the wheel, and an empty folder to work in."""

    environment: Path
    folder: Path

    def run(self, program: str, *arguments: str) -> str:
        """What a program of the environment prints; it knows nothing of the checkout.

        Raises:
            AssertionError: it fails.
        """
        ours = ("PYTHON", "SWEEPS_", "MLFLOW_TRACKING_", "MAKE", "VIRTUAL_ENV")
        variables = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        command = [str(self.environment / "bin" / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools would pack what an earlier build has left in the checkout's `build/`."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=NOT_SOURCE)
    pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(folder / "source"))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel in a virtual environment of its own. Its dependencies are those of this process, which a `.pth` file
    names: the `.pth` files in there, by which the checkout is installed, have no effect."""
    environment = tmp_path_factory.mktemp("environment")
    assert not environment.is_relative_to(ROOT)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.check_output([python, "-c", script], text=True).strip())
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "dependencies.pth").write_text("\n".join(sorted(dependencies)))
    return Installation(environment, tmp_path_factory.mktemp("elsewhere"))


def pip(*arguments: str) -> None:
    """Run pip.

    Raises:
        AssertionError: it fails.
    """
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {str(file.relative_to(ROOT)) for package in PACKAGES for file in (ROOT / package).rglob("*.py")}
    expected |= {f"{package}/py.typed" for package in PACKAGES} | {"sweeps/dense_kernels/README.md"}
    expected |= {f"sweeps/report/page/{name}" for name in ("draw.js", "page.html", "style.css")}
    expected |= {"search_spaces/declared.json", "search_spaces/portfolios/mlp.json"}
    assert names == expected


def test_the_wheel_asks_for_the_declared_dependencies(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (file,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = Parser().parsestr(archive.read(file).decode())
    asked = set(map(Requirement, metadata.get_all("Requires-Dist", [])))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {one for one in asked if one.marker is None} == set(map(Requirement, project["dependencies"]))


def test_every_module_is_imported_from_the_wheel(installed: Installation) -> None:
    files = installed.run("python", "-c", IMPORT_ALL).split()
    assert len(files) == sum(len(list((ROOT / package).rglob("*.py"))) for package in PACKAGES) - 1
    assert all(Path(file).is_relative_to(installed.environment) for file in files)


def test_an_installed_sweep_has_a_best_trial_and_an_export(installed: Installation) -> None:
    installed.run("sweeps", "run", "--dataset", "digits", "--trials", "2", "--epochs", "1", "--jobs", "1")
    best = json.loads(installed.run("sweeps", "best", "digits-mlp", "--json"))
    assert 0 <= best["value"] <= 1
    installed.run("sweeps", "export", "digits-mlp")
    assert (installed.folder / "exports" / "digits-mlp" / "model.keras").is_file()


@pytest.mark.parametrize("space", sorted(set(SPACES) - {"mlp"}))
def test_an_installed_sweep_runs_every_registered_space(space: str, installed: Installation) -> None:
    options = ["--dataset", "digits", "--space", space, "--trials", "1", "--epochs", "1", "--jobs", "1"]
    installed.run("sweeps", "run", *options)
    status = json.loads(installed.run("sweeps", "status", f"digits-{space}", "--json"))
    assert status["trials"]["COMPLETE"] == 1
