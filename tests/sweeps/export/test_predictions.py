"""Predictions as people take them on: every row, with its id, the probabilities of all classes, and a threshold."""

from __future__ import annotations

import csv
import datetime as dt
import json
import resource
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from exports import export
from keras import layers
from pyarrow import parquet
from support import Workspace

from sweeps.export.predict import BATCH

ROWS = BATCH + 76
X = np.random.default_rng(0).normal(size=(ROWS, 2)).astype("float32")


def exported(folder: Path, last: list[Any], loss: str, labels: list[str] | None, target: str) -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), *last])
    model.set_weights([np.random.default_rng(1).normal(size=w.shape) * 2 for w in model.get_weights()])
    model.compile("adam", loss)
    model.optimizer.build(model.trainable_variables)
    export(folder / "m", model, labels, target, features=["a", "b"])
    return model


@pytest.fixture
def binary(tmp_path: Path) -> keras.Model:
    """Two classes; and a table with an id, in another order than the model's columns."""
    ids = [f"{index:05d}" for index in range(ROWS)]
    frame = pd.DataFrame({"id": ids, "b": X[:, 1], "a": X[:, 0], "P(yes)": "taken"})
    frame.to_csv(tmp_path / "new.csv", index=False)
    return exported(tmp_path, [layers.Dense(1, "sigmoid")], "bce", ["no", "yes"], "binary")


def read(folder: Path, name: str) -> list[str]:
    return (folder / name).read_text().splitlines()


def predict(folder: Path, *arguments: str, file: str = "new.csv") -> subprocess.CompletedProcess[str]:
    return Workspace(folder).here("predict", file, "--model", "m", *arguments)


def predicted(folder: Path, *arguments: str, file: str = "new.csv") -> Any:
    return Workspace(folder).json("predict", file, "--model", "m", *arguments)


def test_every_row_is_predicted_in_batches(binary: keras.Model, tmp_path: Path) -> None:
    rows = predicted(tmp_path)
    expected = binary.predict(X, verbose=0)[:, 0]
    assert [row["probabilities"]["yes"] for row in rows] == pytest.approx(expected, abs=1e-5)
    assert len(predict(tmp_path).stdout.splitlines()) == ROWS
    assert len(predict(tmp_path, "--rows", "3").stdout.splitlines()) == 3


def test_a_line_tells_which_class_a_probability_is_of(binary: keras.Model, tmp_path: Path) -> None:
    yes = float(binary.predict(X[:1], verbose=0)[0, 0])
    [line] = predict(tmp_path, "--rows", "1").stdout.splitlines()
    name, probability = ("yes", yes) if yes > 0.5 else ("no", 1 - yes)
    assert line == f"class {name}  probability {round(probability, 4)}  P(yes) {yes:.4f}"
    assert "probabilities, of the class 'yes', the second of labels.json" in (tmp_path / "m" / "README.md").read_text()


def test_a_file_of_predictions_has_the_ids_as_they_are_written(binary: keras.Model, tmp_path: Path) -> None:
    done = predict(tmp_path, "--output", "out.csv")
    assert done.stdout == f"{ROWS} predictions in out.csv\n"
    table = pd.read_csv(tmp_path / "out.csv", dtype={"id": str})
    assert list(table.columns) == ["id", "P(yes)", "class", "probability", "P(no)", "predicted P(yes)"]
    assert table["id"].tolist()[:2] == ["00000", "00001"]
    assert table["predicted P(yes)"].tolist() == pytest.approx(binary.predict(X, verbose=0)[:, 0], abs=1e-5)
    assert predict(tmp_path, "--rows", "2", "--output", "out.json").returncode == 0
    first, _ = json.loads((tmp_path / "out.json").read_text())
    assert list(first) == ["id", "P(yes)", "class", "probability", "probabilities"]


def test_ids_and_missing_values_come_out_as_they_are_written(binary: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text('id,a,note,b\nNA,1,"x, ""y""",2\n007,1,,2\n1e5,1,null,2\n')
    assert predict(tmp_path, "--output", "out.csv").returncode == 0
    written = [(row["id"], row["note"]) for row in csv.DictReader(read(tmp_path, "out.csv"))]
    assert written == [("NA", 'x, "y"'), ("007", ""), ("1e5", "null")]
    assert predict(tmp_path, "--output", "out.json").returncode == 0
    table = json.loads((tmp_path / "out.json").read_text())
    assert [(row["id"], row["note"]) for row in table] == written


def test_whatever_a_parquet_file_holds_becomes_json_and_csv(binary: keras.Model, tmp_path: Path) -> None:
    other = {
        "day": [dt.date(2024, 3, 1), None],
        "at": [dt.datetime(2024, 3, 1, 12, 30, tzinfo=dt.UTC), None],
        "took": [dt.timedelta(minutes=1), None],
        "price": [Decimal("12.50"), None],
        "x": [1.5, float("nan")],
        "far": [float("inf"), 0.0],
        "raw": [b"ab", None],
        "tags": [["a", None], None],
        "more": [{"k": float("nan")}, None],
        "n": [2**60, None],
    }
    parquet.write_table(pa.table({"a": [1.0, 2.0], "b": [1.0, 2.0], **other}), tmp_path / "x.parquet")
    for name in ("out.json", "out.csv"):
        done = predict(tmp_path, "--output", name, file="x.parquet")
        assert done.returncode == 0, done.stderr

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    first, second = json.loads((tmp_path / "out.json").read_text(), parse_constant=refuse)
    assert {name: first[name] for name in other} == {
        "day": "2024-03-01", "at": "2024-03-01T12:30:00+00:00", "took": "0:01:00", "price": 12.5, "x": 1.5, "far": None,
        "raw": "ab", "tags": ["a", None], "more": {"k": None}, "n": 2**60,
    }  # fmt: skip
    assert {second[name] for name in other} == {None, 0.0}
    assert set(first) - set(other) == {"class", "probability", "probabilities"}
    csv_rows = list(csv.DictReader(read(tmp_path, "out.csv")))
    assert (csv_rows[0]["price"], csv_rows[0]["n"], csv_rows[1]["x"]) == ("12.50", str(2**60), "")


def test_rows_that_are_wrong_are_named_and_the_others_predicted(binary: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("id,a,b\nA,big,2\nB,1,2\nC,1\nD,1,\nE,1,2\n")
    done = predict(tmp_path, "--output", "out.csv")
    assert (done.returncode, done.stdout) == (2, "2 predictions in out.csv\n")
    assert done.stderr.splitlines() == [
        "not predicted: line 4 has 2 fields, the header 3",
        "not predicted: row 0: column 'a': a number is needed, got 'big'",
        "not predicted: row 2: column 'b': a value is needed, since none was missing in training",
        "3 rows have no prediction (the first row is 0)",
    ]
    rows = list(csv.DictReader(read(tmp_path, "out.csv")))
    assert [(row["id"], row["class"] != "") for row in rows] == [("A", False), ("B", True), ("D", False), ("E", True)]
    found = json.loads(predict(tmp_path, "--json").stdout)
    assert [next(iter(row)) for row in found] == ["error", "class", "error", "class"]
    assert found[0] == {"error": "column 'a': a number is needed, got 'big'"}
    (tmp_path / "new.csv").write_text("a,b\nbig,2\n")
    done = predict(tmp_path, "--output", "none.csv")
    assert done.returncode == 2
    assert "no row can be predicted: column 'a': a number is needed, got 'big'" in done.stderr
    assert not list(tmp_path.glob("*none.csv*"))


def test_a_file_of_predictions_is_whole_or_not_there(binary: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("of yesterday")
    before = sorted(tmp_path.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # as on a disk that is full after these bytes
    try:
        done = predict(tmp_path, "--output", "out.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (done.returncode, done.stderr) == (4, "sweeps: --output: 'out.csv' cannot be written: File too large\n")
    assert (tmp_path / "out.csv").read_text() == "of yesterday"
    assert sorted(tmp_path.iterdir()) == before
    done = predict(tmp_path, "--output", "/proc/out.csv")
    assert done.returncode == 4
    assert "--output: '/proc/out.csv' cannot be written" in done.stderr
    assert predict(tmp_path, "--output", "out.csv").returncode == 0
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == (tmp_path / "new.csv").stat().st_mode & 0o777


def test_a_threshold_moves_the_choice_between_two_classes(binary: keras.Model, tmp_path: Path) -> None:
    yes = binary.predict(X, verbose=0)[:, 0]
    rows = predicted(tmp_path, "--threshold", "0.8")
    assert [row["class"] == "yes" for row in rows] == (yes >= 0.8).tolist()
    assert {row["class"] for row in rows} == {"no", "yes"}
    assert all(row["probability"] == pytest.approx(row["probabilities"][row["class"]], abs=1e-4) for row in rows)


def test_a_threshold_chooses_labels(tmp_path: Path) -> None:
    exported(tmp_path, [layers.Dense(2, "sigmoid")], "bce", ["red", "big"], "multi_label")
    np.save(tmp_path / "x.npy", X[:50])
    for row in predicted(tmp_path, "--threshold", "0.6", file="x.npy"):
        assert row["chosen"] == [name for name, p in row["labels"].items() if p >= 0.6]


def test_arrays_and_regressions_have_row_numbers_and_values(tmp_path: Path) -> None:
    model = exported(tmp_path, [layers.Dense(2)], "mse", None, "regression")
    np.save(tmp_path / "x.npy", X[:3])
    assert predict(tmp_path, "--output", "o.csv", file="x.npy").returncode == 0
    table = pd.read_csv(tmp_path / "o.csv")
    assert list(table.columns) == ["row", "value[0]", "value[1]"]
    np.testing.assert_allclose(table.to_numpy()[:, 1:], model.predict(X[:3], verbose=0), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output", "out.xls"], "--output: a .csv or .json file is wanted, got 'out.xls'"),
        (["--output", "nowhere/out.csv"], "--output: there is no folder 'nowhere'"),
        (["--output", "new.csv"], "--output: another file is wanted, got 'new.csv'"),
        (["--threshold", "1.5"], "1.5 is not in the range 0<=x<=1"),
    ],
)
def test_a_wrong_option_is_refused_and_no_file_is_written(
    binary: keras.Model, tmp_path: Path, arguments: list[str], said: str
) -> None:
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    done = predict(tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_a_threshold_without_two_classes_is_refused(tmp_path: Path) -> None:
    exported(tmp_path, [layers.Dense(3, "softmax")], "sparse_categorical_crossentropy", ["a", "b", "c"], "sparse")
    np.save(tmp_path / "x.npy", X[:3])
    done = predict(tmp_path, "--threshold", "0.3", file="x.npy")
    assert done.returncode == 2
    assert (
        "--threshold: probabilities of two classes, or of labels, are needed; the model gives 3 classes" in done.stderr
    )
