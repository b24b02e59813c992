"""Exports and logged models that are not what they were: nothing of them is loaded."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hostile.cases import Hostile, contents
from hostile.conftest import Refused
from sweeps.system.atomic_files import sha256, write_json

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export as `sweeps export` writes it, as far as a prediction reads it; of a model of 2 by 3 numbers."""
    import keras

    folder = tmp_path_factory.mktemp("sound")
    model = keras.Sequential([keras.Input((2, 3)), keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")])
    model.save(folder / "model.keras")
    write_json(folder / "labels.json", ["no", "yes"])
    finish(folder)
    return folder


def finish(folder: Path) -> None:
    """Write the manifest of the files as they are."""
    manifest = {
        "study": "s",
        "input": [{"name": "x", "dtype": "float32", "shape": [None, 2, 3]}],
        "named_inputs": False,
        "target": "sparse",
        "features": None,
        "sha256": {name: sha256(folder / name) for name in ("model.keras", "labels.json")},
    }
    write_json(folder / "manifest.json", manifest)


@pytest.fixture
def export(here: Path, sound: Path) -> Path:
    """A copy of the sound export in the current folder, and rows for it."""
    np.save(here / "x.npy", np.zeros((4, 2, 3), "float32"))
    return Path(shutil.copytree(sound, here / "m"))


def cut(name: str, keep: int) -> Change:
    return lambda folder: os.truncate(folder / name, keep)


def flip(folder: Path) -> None:
    """One bit of a weight."""
    content = bytearray((folder / "model.keras").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.keras").write_bytes(content)


def manifest(**changes: Any) -> Change:
    """Another value for a key of the manifest; `...` takes the key out."""

    def change(folder: Path) -> None:
        read = json.loads((folder / "manifest.json").read_text())
        read |= changes
        write_json(folder / "manifest.json", {key: value for key, value in read.items() if value is not ...})

    return change


def takes(shape: list[int | None], dtype: str = "float32") -> Change:
    """A manifest that tells of another input."""
    return manifest(input=[{"name": "x", "dtype": dtype, "shape": shape}])


def text(name: str, content: str) -> Change:
    return lambda folder: (folder / name).write_text(content)


def pipe(folder: Path) -> None:
    (folder / "model.keras").unlink()
    os.mkfifo(folder / "model.keras")


def link_out(folder: Path) -> None:
    """The model is a link to one that lies outside."""
    shutil.move(folder / "model.keras", folder.parent / "elsewhere.keras")
    (folder / "model.keras").symlink_to(folder.parent / "elsewhere.keras")


def lambda_layer(folder: Path) -> None:
    import keras

    layers = [keras.Input((2, 3)), keras.layers.Flatten(), keras.layers.Lambda(lambda x: x[:, :2])]
    keras.Sequential(layers).save(folder / "model.keras")
    finish(folder)


def crafted(module: str, name: str) -> Change:
    """A `.keras` file whose model is something else of Python's, with a manifest that says so."""
    changes = {"module": module, "class_name": name, "registered_name": None}

    def change(folder: Path) -> None:
        file = folder / "model.keras"
        with zipfile.ZipFile(file) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members["config.json"] = json.dumps(json.loads(members["config.json"]) | changes).encode()
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        finish(folder)

    return change


def whole(name: str, content: bytes) -> Change:
    """Another file, with a manifest that says so."""

    def change(folder: Path) -> None:
        (folder / name).write_bytes(content)
        finish(folder)

    return change


EXPORTS = [
    ("model cut off", cut("model.keras", 1000), 5, ("model.keras", "SHA-256")),
    ("model empty", cut("model.keras", 0), 5, ("model.keras", "SHA-256")),
    ("weights altered", flip, 5, ("model.keras", "SHA-256")),
    ("model missing", lambda folder: (folder / "model.keras").unlink(), 5, ("model.keras", "SHA-256")),
    ("model a pipe", pipe, 5, ("model.keras",)),
    ("model a link that leads out", link_out, 5, ("model.keras", "link")),
    ("labels altered", text("labels.json", '["yes", "no"]'), 5, ("labels.json", "SHA-256")),
    ("lambda layer", lambda_layer, 2, ("model.keras", "safe mode")),
    ("class of a module", crafted("os", "system"), 2, ("class of its own", "'s'")),
    ("class of a builtin", crafted("builtins", "exec"), 2, ("class of its own", "'s'")),
    ("no keras file", whole("model.keras", b"no zip"), 5, ("model.keras",)),
    ("a pickle", whole("model.keras", b"\x80\x04\x95"), 5, ("model.keras",)),
    ("no manifest", lambda folder: (folder / "manifest.json").unlink(), 2, ("manifest.json", "sweeps export")),
    ("manifest no JSON", text("manifest.json", "{"), 5, ("manifest.json",)),
    ("manifest a list", text("manifest.json", "[]"), 5, ("manifest.json",)),
    ("manifest without sums", manifest(sha256=...), 5, ("manifest.json", "sha256")),
    ("manifest with sums of none", manifest(sha256=[]), 5, ("manifest.json", "sha256")),
    ("manifest without an input", manifest(input=...), 5, ("manifest.json", "input")),
    ("manifest of another input", takes([None, 2, 3], "object"), 5, ("manifest.json", "dtype")),
    ("manifest of a study that leaves", manifest(study="../../s"), 2, ("study", "'../../s'")),
    ("labels too few", whole("labels.json", b'["no"]'), 5, ("labels.json",)),
    ("model of another shape", takes([None, 4]), 2, ("x.npy", "(4,)", "(4, 2, 3)")),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code", "says"), [case[1:] for case in EXPORTS], ids=[case[0] for case in EXPORTS])
def test_a_hostile_export_is_refused(
    change: Change, code: int, says: tuple[str, ...], export: Path, refused: Refused
) -> None:
    change(export)
    refused(Hostile(("predict", "x.npy", "--model", "m"), says, code=code))


def npy_header(shape: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text


ROWS = [
    ("missing", None, ("no such file",)),
    ("empty", b"", ("empty",)),
    ("no npy", b"not an array", ("x.npy",)),
    ("cut off", npy_header("(4, 2, 3)") + bytes(20), ("x.npy", "header", "differ")),
    ("a header beyond the memory", npy_header("(4000000000000, 2, 3)"), ("x.npy", "header", "differ")),
    ("a header that is code", npy_header("__import__('os')"), ("x.npy",)),
    ("a pickle", b"\x80\x04\x95", ("x.npy",)),
]


@pytest.mark.parametrize(("content", "says"), [case[1:] for case in ROWS], ids=[case[0] for case in ROWS])
def test_hostile_rows_are_refused(content: bytes | None, says: tuple[str, ...], export: Path, refused: Refused) -> None:
    (export.parent / "x.npy").unlink()
    files = {} if content is None else {"x.npy": content}
    refused(Hostile(("predict", "x.npy", "--model", "m"), says, files))


def objects(path: Path) -> None:
    np.save(path, np.array([{}], object), allow_pickle=True)


ARRAYS: list[tuple[str, str, Change, tuple[str, ...]]] = [
    ("objects", "x.npy", objects, ("x.npy", "pickled objects")),
    ("objects in an npz", "r.npz", lambda p: np.savez(p, x=np.array([{}], object)), ("r.npz", "pickled objects")),
    ("no array in an npz", "r.npz", lambda p: np.savez(p), ("r.npz", "array")),
    ("text", "x.npy", lambda p: np.save(p, np.array([["a"]])), ("x.npy", "numbers", "<U1")),
    ("another shape", "x.npy", lambda p: np.save(p, np.zeros((4, 3, 2))), ("x.npy", "(2, 3)", "(4, 3, 2)")),
    ("pipe", "p.npy", os.mkfifo, ("p.npy", "pipe")),
    ("folder", "d.npy", Path.mkdir, ("d.npy", "folder")),
    ("table", "t.csv", lambda p: p.write_text("a,b\n1,2\n"), ("t.csv", "(2, 3)", "table")),
    ("another ending", "t.pkl", lambda p: p.write_bytes(b"\x80"), ("t.pkl", ".npy", "'.pkl'")),
]


@pytest.mark.parametrize(("file", "make", "says"), [case[1:] for case in ARRAYS], ids=[case[0] for case in ARRAYS])
def test_hostile_files_of_rows_are_refused(
    file: str, make: Change, says: tuple[str, ...], export: Path, refused: Refused
) -> None:
    refused(Hostile(("predict", file, "--model", "m"), says, {file: make}))


def test_a_sound_export_predicts_and_writes_nothing(export: Path) -> None:
    from exports import predict_file

    before = contents(export)
    assert [row["class"] in ("no", "yes") for row in predict_file(export, export.parent / "x.npy", 2)] == [True, True]
    assert contents(export) == before
