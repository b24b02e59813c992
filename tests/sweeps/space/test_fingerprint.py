"""What a space is made of: which edits make another one of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support import ROOT

from sweeps.space.fingerprint import Fingerprint

SPACE = '''"""A space."""
import keras
import activations as acts
from keras import activations
from layers import Block, unused
from parts.heads import head

WIDTH = 16
OTHER = 1
keras.config.set_floatx("float32")


@keras.saving.register_keras_serializable()
def by_name(x):
    return x


def helper(hp):
    """A docstring."""
    return hp.Int("units", 1, WIDTH)  # a comment


def build(hp):
    return head(Block(helper(hp), acts.swish))


def another(hp):
    return OTHER


if __name__ == "__main__":
    WIDTH = 32
'''
LAYERS = "import keras\n\nclass Block(keras.layers.Layer):\n    rate = 0.5\n\ndef unused():\n    return 1\n"
HEADS = "from . import deeper\n\ndef head(x):\n    return deeper.end(x)\n"
FILES = {
    "space.py": SPACE,
    "layers.py": LAYERS,
    "activations.py": "def swish(x):\n    return x\n",
    "parts/heads.py": HEADS,
    "parts/__init__.py": "",
    "parts/deeper.py": "def end(x):\n    return x\n",
}


def written(folder: Path, edits: dict[str, tuple[str, str]] | None = None) -> Path:
    for name, text in FILES.items():
        old, new = (edits or {}).get(name, ("", ""))
        assert old in text
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.replace(old, new) if old else text)
    return folder / "space.py"


def of(place: object) -> Fingerprint:
    found = Fingerprint.of(place)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("space.py", "1, WIDTH", "2, WIDTH", "helper"),
        ("space.py", "WIDTH = 16", "WIDTH = 24", "WIDTH"),
        ("space.py", '"float32"', '"float16"', "top level"),
        ("space.py", "def by_name(x):\n    return x", "def by_name(x):\n    return 2 * x", "by_name"),
        ("space.py", "acts.swish", "activations.swish", "build, activations, acts, activations.py: swish"),
        ("layers.py", "rate = 0.5", "rate = 0.1", "layers.py: Block"),
        ("activations.py", "return x", "return -x", "activations.py: swish"),
        ("parts/heads.py", "deeper.end(x)", "deeper.end(-x)", "heads.py: head"),
        ("parts/deeper.py", "return x", "return -x", "deeper.py: end"),
    ],
)
def test_an_edit_of_what_a_space_refers_to_is_named(
    tmp_path: Path, file: str, old: str, new: str, changed: str
) -> None:
    before, after = written(tmp_path / "before"), written(tmp_path / "after", {file: (old, new)})
    changes = of(f"{after}:build").changes(of(f"{before}:build"))
    assert changes is not None
    assert set(changes) == set(changed.split(", "))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("space.py", "# a comment", "# another one\n\n"),
        ("space.py", "A docstring.", "Another one."),
        ("space.py", '    """A docstring."""\n', ""),
        ("space.py", 'hp.Int("units", 1, WIDTH)', "hp.Int(\n        'units',\n        1, (WIDTH),\n    )"),
        ("space.py", "return OTHER", "return OTHER + 1"),
        ("space.py", "OTHER = 1", "OTHER = 2"),
        ("space.py", "WIDTH = 32", "WIDTH = 64"),
        ("space.py", "Block, unused", "Block"),
        ("layers.py", "return 1", "return 2"),
    ],
)
def test_an_edit_of_anything_else_is_none(tmp_path: Path, file: str, old: str, new: str) -> None:
    before, after = written(tmp_path / "before"), written(tmp_path / "after", {file: (old, new)})
    assert of(f"{after}:build").changes(of(f"{before}:build")) == ()


def test_a_file_of_another_name_and_a_module_are_the_same_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = written(tmp_path / "before"), written(tmp_path / "after")
    moved = after.rename(after.with_name("other.py"))
    assert of(f"{moved}:build").changes(of(f"{before}:build")) == ()
    assert of(f"{moved}:another").changes(of(f"{before}:build"))
    monkeypatch.chdir(tmp_path / "after")
    assert of("other:build").changes(of(f"{before}:build")) == ()


def test_a_registered_space_and_one_of_a_library_have_no_source_of_ones_own() -> None:
    assert Fingerprint.of("mlp") is None
    assert Fingerprint.of("json:loads") is None


CELL = '''
import functools

CHOICES = ["relu", "elu"]
STEPS = {"b": 1, "a": {3, 1, 2}}

class Net:
    """A docstring."""
    depth = 2

    def __init__(self, width=3):
        self.width = width
        self.me = self

    def __call__(self, hp):
        return inner(hp)

def inner(hp):
    """A docstring."""
    found = [hp.Choice("activation", CHOICES) for _ in range(STEPS["b"])]  # a comment
    if found:
        return found
    return lambda x: x + 1

def made(rate):
    def build(hp):
        return inner(hp), rate
    return build

build = functools.partial(made(0.5), width=(1, 2))
lone = lambda hp: made(0.5)
whole = Net(4)
'''


def defined(old: str = "", new: str = "") -> dict[str, Any]:
    """As a notebook's cells define it."""
    assert old in CELL
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(CELL.replace(old, new) if old else CELL, "<cell>", "exec"), names)
    return names


@pytest.mark.parametrize(
    ("name", "old", "new", "changed"),
    [
        ("build", '"relu"', '"tanh"', "CHOICES"),
        ("build", "{3, 1, 2}", "{3, 1, 4}", "STEPS"),
        ("build", "x + 1", "x + 2", "inner"),
        ("build", "if found", "if not found", "inner"),
        ("build", "made(0.5)", "made(0.1)", "rate"),
        ("build", "width=(1, 2)", "width=(1, 3)", "the space itself"),
        ("lone", '"relu"', '"tanh"', "CHOICES"),
        ("lone", "hp: made(0.5)", "hp: made(0.1)", "<lambda>"),
        ("whole", "depth = 2", "depth = 3", "Net"),
        ("whole", "return inner(hp)", "return inner(hp)[0]", "Net.__call__"),
        ("whole", "Net(4)", "Net(5)", "the space itself"),
        ("whole", '"relu"', '"tanh"', "CHOICES"),
    ],
)
def test_an_edit_of_what_an_object_refers_to_is_named(name: str, old: str, new: str, changed: str) -> None:
    assert of(defined(old, new)[name]).changes(of(defined()[name])) == (changed,)


@pytest.mark.parametrize("name", ["build", "lone", "whole"])
@pytest.mark.parametrize(
    ("old", "new"),
    [("# a comment", "# another\n\n"), ("A docstring.", "Another."), ("(hp)\n\n", "(\n        hp\n    )\n\n\n")],
)
def test_layout_comments_and_docstrings_of_an_object_do_not_count(name: str, old: str, new: str) -> None:
    assert of(defined(old, new)[name]).changes(of(defined()[name])) == ()


def test_an_object_has_one_fingerprint_in_all_processes() -> None:
    ask = (
        "from sweeps.space.fingerprint import Fingerprint\n"
        "print([Fingerprint.of(space) for space in (build, lone, whole)])"
    )
    script = f"exec({CELL!r})\n{ask}"
    checkout = str(ROOT)
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": checkout},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_compiled_code_is_compared_with_that_of_the_same_python_only() -> None:
    now = of(lambda hp: 1)
    assert now.changes(Fingerprint({"another": "0"}, "2.7")) is None


def test_a_function_that_is_decorated_is_looked_into() -> None:
    def decorated(factor: int) -> Callable[[int], int]:
        return partial(lambda hp: hp * factor)

    assert of(decorated(1)).changes(of(decorated(2))) == ("factor",)
