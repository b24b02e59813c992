"""The name of a dataset: what it may be, and what is checked of a file before it is opened."""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeps.data import DataSource
from sweeps.errors import InputError
from sweeps.system.file_checks import memory_limit

Refused = Callable[..., str]


def test_a_source_travels_to_a_worker() -> None:
    source = DataSource("digits", seed=3)
    assert pickle.loads(pickle.dumps(source)) == source
    assert hash(pickle.loads(pickle.dumps(source))) == hash(source)


def test_a_path_is_made_absolute_for_workers_elsewhere_and_a_name_stays() -> None:
    assert DataSource("data/x.csv").absolute().name == str(Path("data/x.csv").absolute())
    assert DataSource("~/x.csv").absolute().name == str(Path.home() / "x.csv")
    assert DataSource("digits").absolute() == DataSource("digits")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "regresion"}, "unknown task 'regresion'. Did you mean 'regression'"),
        ({"seed": -1}, "seed: .* got -1"),
        ({"validation_fraction": 0.0}, "validation_fraction: .* got 0.0"),
        ({"validation_fraction": 1.0}, "validation_fraction: .* got 1.0"),
        ({"validation_fraction": float("nan")}, "validation_fraction: .* got nan"),
        ({"test_fraction": -0.1}, "test_fraction: .* got -0.1"),
        ({"test_fraction": 0.8}, r"test_fraction: .*\(0.2\), got 0.8"),
        ({"test_fraction": float("nan")}, "test_fraction: .* got nan"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DataSource("digits", **options)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("digitz", ["unknown dataset 'digitz'", "Did you mean 'digits'", "fashion_mnist", ".parquet"]),
        ("", ["unknown dataset ''"]),
        ("no/such.csv", ["no such file", "no folder 'no'"]),
        ("../../../../../no_such.csv", ["no such file"]),
        ("data.txt", ["'data.txt'", ".csv, .parquet or .npz", "got '.txt'"]),
        ("folder/data", [".csv, .parquet or .npz", "got ''"]),
        ("x\0.csv", ["'x\\x00.csv'", "null"]),
        ("\u202efdp.csv", ["'\\u202efdp.csv'", "no such file"]),
        ("two\nlines.csv", ["'two\\nlines.csv'", "no such file"]),
        ("😀.csv", ["no such file"]),
        ("x" * 513 + ".csv", ["too long"]),
        ("$(touch sprung);.csv", ["no such file"]),
    ],
)
def test_names_that_lead_nowhere_are_refused(name: str, words: list[str], refused: Refused) -> None:
    refused(DataSource(name, target="y" if name.endswith(".csv") else None), *words)


def test_a_target_means_nothing_for_a_registered_dataset(refused: Refused) -> None:
    refused(DataSource("digits", target="label"), "target:", "'label'", "'digits'")


@pytest.mark.timeout(100)
@pytest.mark.parametrize("ending", ["csv", "parquet", "npz"])
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder", "empty", "dangling link", "link in a circle"])
def test_what_is_no_regular_file_is_refused_without_being_opened(
    kind: str, ending: str, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    path = Path(f"data.{ending}")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    else:
        path.symlink_to("nowhere" if kind == "dangling link" else path)
    words = {"folder": "got a folder", "empty": "is empty", "dangling link": "no such file"}
    words["link in a circle"] = "symbolic"
    said = words.get(kind, "got a pipe, socket or device")
    refused(DataSource(f"./{path}", target=None if ending == "npz" else "y"), said)


def test_a_file_of_another_ending_beside_is_offered(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "Houses.parquet").touch()
    refused(DataSource(str(tmp_path / "houses.csv"), target="y"), "did you mean 'Houses.parquet'")


def test_a_container_s_limit_counts_where_it_is_below_the_machine_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr("sweeps.system.file_checks._CGROUP_LIMIT", limit)
    machine = memory_limit()
    limit.write_text("max\n")
    assert memory_limit() == machine > 2**20
    limit.write_text("1048576\n")
    assert memory_limit() == 2**19
