"""Which package may import which: within `sweeps/` from the top of `LEVELS` down, never up."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("search_spaces", "tracking", "sweeps")

#: the packages of `sweeps/` from the bottom up; those of one level do not import each other
LEVELS = (
    {"errors", "dense_kernels"},
    {"system"},
    {"model", "training"},
    {"data", "space", "storage"},
    {"study"},
    {"plots"},
    {"baselines", "config", "export"},
    {"report"},
    {"trial"},
    {"disk", "doctor"},
    {"engine"},
    {"confirm"},
    {"cli"},
    {"api"},
    {"tuner"},
)
LEVEL = {package: level for level, packages in enumerate(LEVELS) for package in packages}

#: what no file of a package imports, whatever its level
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


#: it runs inside of a model that MLflow loads, not here
PACKED = ROOT / "tracking/raw_rows.py"


def files(room: str) -> list[Path]:
    return sorted(path for path in (ROOT / room).rglob("*.py") if path != PACKED)


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_package_imports_a_library_that_it_is_kept_free_of(room: str) -> None:
    assert files(room)
    for file in files(room):
        crossed = {name for name in imports(file) if name.split(".")[0] in FORBIDDEN[room]}
        assert not crossed, f"{file.relative_to(ROOT)} imports {crossed}"


def upward(module: str, imported: set[str]) -> set[str]:
    """Which of the names that a module of `sweeps` imports are of a package that it must not know."""
    package = module.split(".")[1]
    others = {name: name.split(".")[1] for name in imported if name.startswith("sweeps.")}
    return {name for name, other in others.items() if other != package and LEVEL[other] >= LEVEL[package]}


@pytest.mark.parametrize("package", sorted(LEVEL))
def test_a_package_imports_only_from_the_levels_below_it(package: str) -> None:
    lone = ROOT / "sweeps" / f"{package}.py"
    for file in [lone] if lone.exists() else files(f"sweeps/{package}"):
        crossed = upward(f"sweeps.{package}", imports(file))
        assert not crossed, f"{file.relative_to(ROOT)} imports {crossed}"


def test_every_package_has_its_level() -> None:
    found = {
        path.stem for path in (ROOT / "sweeps").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert found - {"__init__", "__main__"} == set(LEVEL)


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("sweeps.study", "sweeps.trial.plan.TrialPlan"),
        ("sweeps.export", "sweeps.report.curves"),
        ("sweeps.api", "sweeps.tuner"),
    ],
)
def test_an_import_that_runs_up_is_found(module: str, imported: str) -> None:
    assert upward(module, {imported, "sweeps.errors.InputError"}) == {imported}


def test_dense_kernels_imports_nothing_else_of_sweeps() -> None:
    for file in files("sweeps/dense_kernels"):
        crossed = {name for name in imports(file) if name.startswith("sweeps.") and ".dense_kernels" not in name}
        assert not crossed, f"{file.relative_to(ROOT)} imports {crossed}"


def test_no_imports_of_modules_form_a_circle() -> None:
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
    modules = "sweeps.cli.main, sweeps.cli.sweep_view, sweeps.engine.search"
    script = f"import sys, {modules}; print({{'keras', 'tensorflow'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_mlflow_is_imported_while_workers_start_and_not_before() -> None:
    script = "import sys, sweeps.engine.sweep; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
