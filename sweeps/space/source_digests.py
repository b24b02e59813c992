"""Digests of the source of a space in a file, which is parsed but not run, so that no TensorFlow is needed."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_LIBRARIES = tuple(
    Path(str(folder)).resolve()
    for folder in (
        *(sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")),
        *site.getsitepackages(),
        site.getusersitepackages(),
        *(_ROOT / package for package in ("sweeps", "search_spaces", "tracking")),
    )
)


def is_user_code(file: str | Path) -> bool:
    """Whether a source file is the user's: of no library, and not of this project."""
    path = Path(file).resolve()
    is_library = {"site-packages", "dist-packages"} & set(path.parts) or any(map(path.is_relative_to, _LIBRARIES))
    return not is_library and not str(file).startswith("<frozen")


def digest(value: Any) -> str:
    """16 hexadecimal digits of a JSON value."""
    return hashlib.sha256(json.dumps(value, default=repr).encode()).hexdigest()[:16]


def source_files(space: str) -> list[tuple[Path, Path]]:
    """The files that `named_parts` reads, the space's own first.

    Returns:
        Of each its place below the folder that it is imported from, and its path.
    """
    reader = _read(space)
    if reader is None:
        return []
    found = []
    for file in reader.files:
        folder = next((folder for folder in reader.folders if file.is_relative_to(folder)), file.parent)
        found.append((file.relative_to(folder), file))
    return found


def named_parts(space: str) -> dict[str, str] | None:
    """The digest of each definition that a space refers to, in its file and in the user's modules that it imports.

    Comments, docstrings and formatting do not count.

    Args:
        space: `path/to/file.py:function` or `module:function`.

    Returns:
        Digests by name, preceded by the file's name where it is another file; None where the source is not found.
    """
    reader = _read(space)
    return None if reader is None else reader.parts


def _read(space: str) -> _Reader | None:
    module, _, name = space.rpartition(":")
    file: Path | None
    if module.endswith(".py"):
        file = Path(os.path.expanduser(module)).absolute()  # noqa: PTH111  # Path.expanduser raises for unknown users
        beside = file.parent
    else:
        file, beside = _find(module, _importable()), Path.cwd()
    if file is None or not file.is_file():
        return None
    reader = _Reader(file, (beside, *_importable()))
    reader.follow(file, name)
    return reader


def _importable() -> tuple[Path, ...]:
    """The folders that a worker imports from, without those of libraries."""
    return tuple(dict.fromkeys((Path.cwd(), *(Path(entry) for entry in sys.path if entry and is_user_code(entry)))))


def _find(module: str, folders: Iterable[Path]) -> Path | None:
    """The file of one of the user's modules, without importing its packages."""
    *packages, last = module.split(".")
    for folder in folders:
        inside = folder.joinpath(*packages)
        for file in (inside / last / "__init__.py", inside / f"{last}.py"):
            if last and file.is_file() and is_user_code(file):
                return file
    return None


@dataclass(frozen=True)
class _Module:
    """The statements of a file.

    Attributes:
        bound: those that bind a name, by name.
        decorated: names with decorators, which may register them.
        loose: those that bind no name.
    """

    bound: dict[str, list[ast.stmt]]
    decorated: list[str]
    loose: list[ast.stmt]

    @classmethod
    def of(cls, file: Path) -> _Module:
        module = cls({}, [], [])
        for statement in ast.parse(file.read_bytes()).body:
            if _is_idle(statement):
                continue
            names = list(_names_bound(statement))
            for name in names:
                module.bound.setdefault(name, []).append(statement)
            if not names:
                module.loose.append(statement)
            elif getattr(statement, "decorator_list", None):
                module.decorated.extend(names)
        return module


def _names_bound(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield statement.name
        case ast.Import() | ast.ImportFrom():
            for alias in statement.names:
                if alias.name != "*":
                    yield alias.asname or alias.name.partition(".")[0]
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.If() | ast.Try() | ast.With() | ast.For():
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id
                elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                    yield node.name
                elif isinstance(node, ast.Import | ast.ImportFrom):
                    yield from _names_bound(node)


def _is_idle(statement: ast.stmt) -> bool:
    """Whether this is a docstring, or runs only in a script."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.If) and "__name__" in {
        node.id for node in ast.walk(statement.test) if isinstance(node, ast.Name)
    }


@dataclass
class _Reader:
    """Follows names from a definition to everything it refers to."""

    main: Path
    folders: tuple[Path, ...]
    parts: dict[str, str] = field(default_factory=dict)
    _modules: dict[Path, _Module | None] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        """Those that were read, the main one first."""
        return [file for file, module in self._modules.items() if module is not None]

    def follow(self, file: Path, name: str) -> None:
        """Add the definitions of `name`; `*` means all."""
        module = self._module(file)
        if module is None:
            return
        if name == "*":
            for each in module.bound:
                self.follow(file, each)
            return
        label = self._label(file, name)
        if label in self.parts or name not in module.bound:
            return
        self.parts[label] = digest([_shape(statement, name) for statement in module.bound[name]])
        for statement in module.bound[name]:
            self._refer(file, statement, name)

    def _module(self, file: Path) -> _Module | None:
        """The parsed file; its loose and decorated statements belong to everything that is imported from it."""
        if file not in self._modules:
            try:
                module = self._modules[file] = _Module.of(file)
            except (OSError, SyntaxError, ValueError, RecursionError) as error:  # the worker that runs it reports it
                self._modules[file] = None
                self.parts[self._label(file, "source")] = digest(str(error))
                return None
            if module.loose:
                self.parts[self._label(file, "top level")] = digest([_shape(each) for each in module.loose])
            for statement in module.loose:
                self._refer(file, statement)
            for name in module.decorated:
                self.follow(file, name)
        return self._modules[file]

    def _label(self, file: Path, name: str) -> str:
        return name if file == self.main else f"{file.name}: {name}"

    def _refer(self, file: Path, statement: ast.stmt, name: str | None = None) -> None:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                self.follow(file, node.id)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if node is not statement or name in (None, *_names_bound(ast.Import([alias]))):
                        self._import(file, alias.name, 0, "*")
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if node is not statement or name in (None, alias.asname or alias.name):
                        self._import(file, node.module or "", node.level, alias.name)

    def _import(self, file: Path, module: str, level: int, name: str) -> None:
        folders = (file.parents[level - 1],) if level else self.folders
        found = _find(module, folders) if module else _find("__init__", folders)
        known = self._module(found) if found else None
        if found and (name == "*" or (known and name in known.bound)):
            self.follow(found, name)
        elif name != "*" and (inside := _find(f"{module}.{name}".lstrip("."), folders)):
            self.follow(inside, "*")


def _shape(node: Any, name: str | None = None) -> Any:
    """A syntax tree without positions and docstrings, the same in every Python version.

    Args:
        node: the tree.
        name: of an import of several names, only the part that binds this one counts.
    """
    if isinstance(node, list):
        return [_shape(each) for each in node]
    if not isinstance(node, ast.AST):
        return node
    fields = dict(ast.iter_fields(node))
    if isinstance(node, ast.Import | ast.ImportFrom) and name is not None:
        fields["names"] = [a for a in node.names if (a.asname or a.name.partition(".")[0]) == name]
    body = fields.get("body")
    if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and _is_idle(body[0]):
        fields["body"] = body[1:]
    shaped = {key: _shape(value) for key, value in fields.items() if value not in (None, []) and key != "kind"}
    return [type(node).__name__, shaped]
