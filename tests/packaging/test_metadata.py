"""`pyproject.toml` declares what the packages import, and agrees with the other files that describe the project."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import yaml
from support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("search_spaces", "sweeps", "tracking")
#: imported where it is installed; a message asks for it otherwise
OPTIONAL = {"IPython", "ai_edge_litert", "onnx", "onnxruntime", "optuna_dashboard", "psycopg", "tf2onnx", "torch"}


def distribution(requirement: str) -> str:
    """The normalized name of the distribution that a requirement asks for."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def declared() -> set[str]:
    """The distributions that are asked for, those too for which an extra is named: `dask[distributed]`."""
    requirements = PROJECT["dependencies"]
    return set(map(distribution, requirements)) | set(re.findall(r"\[(\w+)\]", " ".join(requirements)))


def imported() -> set[str]:
    """The top-level names that the packages import, also inside of functions, other than their own and Python's."""
    found = set()
    for file in (file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found - set(PACKAGES) - sys.stdlib_module_names


def test_every_import_is_of_a_declared_dependency() -> None:
    distributions = packages_distributions()
    for name in imported() - OPTIONAL:
        providers = set(map(distribution, distributions.get(name, ())))
        assert providers & declared(), f"{name} is imported; none of {sorted(providers)} is in dependencies"


def test_classifiers_name_the_python_versions_that_are_allowed() -> None:
    versions = re.findall(r"Python :: 3\.(\d+)", " ".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">=3.{versions[0]},<3.{int(versions[-1]) + 1}"


def test_the_citation_describes_the_same_project() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert set(citation["keywords"]) == set(PROJECT["keywords"])
