"""The walls of the house: who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("search_spaces", "tracking", "sweeps")

FORBIDDEN = {
    "search_spaces": {"sweeps", "tracking", "optuna", "mlflow", "dask", "distributed"},
    "tracking": {
        "sweeps",
        "search_spaces",
        "optuna",
        "dask",
        "distributed",
        "keras",
        "keras_tuner",
        "tensorflow",
    },
    "sweeps": {"mlflow"},
    "sweeps/dense_kernels": {
        "keras",
        "keras_tuner",
        "tensorflow",
        "optuna",
        "mlflow",
        "dask",
        "distributed",
        "tracking",
        "search_spaces",
    },
    "sweeps/training": {
        "optuna",
        "mlflow",
        "dask",
        "distributed",
        "keras_tuner",
        "tracking",
        "search_spaces",
    },
}


def imports(file: Path) -> set[str]:
    """All modules that a file imports, those inside of functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_room_imports_what_its_walls_keep_out(room: str) -> None:
    assert files(room)
    for file in files(room):
        crossed = {name for name in imports(file) if name.split(".")[0] in FORBIDDEN[room]}
        assert not crossed, f"{file.relative_to(ROOT)} imports {crossed}"


@pytest.mark.parametrize(
    ("room", "allowed"),
    [
        ("sweeps/training", ("sweeps.training", "sweeps.dense_kernels", "sweeps.errors")),
        ("sweeps/dense_kernels", ("sweeps.dense_kernels",)),
    ],
)
def test_a_room_that_stands_alone_imports_nothing_else_of_sweeps(room: str, allowed: tuple[str, ...]) -> None:
    for file in files(room):
        crossed = {name for name in imports(file) if name.startswith("sweeps.") and not name.startswith(allowed)}
        assert not crossed, f"{file.relative_to(ROOT)} imports {crossed}"


def test_imports_inside_of_sweeps_run_one_way() -> None:
    graph = {}
    for file in files("sweeps"):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        graph[module] = {name for name in imports(file) if name.startswith("sweeps")}
    modules = set(graph)
    edges = {
        module: {found for name in names if (found := owner(name, modules)) and found != module}
        for module, names in graph.items()
    }
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle: {' -> '.join((*path, module))}"
        if module not in done:
            for other in edges[module]:
                walk(other, (*path, module))
            done.add(module)

    for module in edges:
        walk(module, ())


def owner(name: str, modules: set[str]) -> str | None:
    """The module that an imported name belongs to: itself, or the one it is taken from."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def test_the_client_never_imports_tensorflow() -> None:
    # it would take four seconds and 700 MB of a process that only waits
    modules = "sweeps.cli.main, sweeps.cli.run, sweeps.engine.search"
    script = f"import sys, {modules}; print({{'keras', 'tensorflow'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
