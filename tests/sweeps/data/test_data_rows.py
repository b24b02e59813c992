"""Rows for a trained model: its columns, as it knows them, whatever a file makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeps.data import Rows, first_rows, read_rows
from sweeps.errors import InputError
from sweeps.system import file_checks

Write = Callable[..., Path]

COLUMNS = {"size": "float32", "city": "string"}
NUMBER = {"n": "float32"}


def read(path: Path, columns: Mapping[str, str] = COLUMNS, missing: bool = True, **reading: Any) -> Rows:
    (rows,) = read_rows(path, columns, missing, reading)
    return rows


def test_missing_text_is_empty_and_missing_numbers_are_nan(csv: Write) -> None:
    rows = read(csv("city,other,size\nRome,1,2\n,1,\nNA,1,4\n"))
    assert list(rows.arrays) == ["size", "city"]
    np.testing.assert_array_equal(rows.arrays["size"], np.array([[2], [np.nan], [4]], np.float32))
    assert rows.arrays["size"].dtype == np.float32
    assert rows.arrays["city"].tolist() == [["Rome"], [""], [""]]


def test_text_that_looks_like_numbers_stays_as_it_is_written(csv: Write) -> None:
    rows = read(csv("city,id,size\n007,08,2\n1.50,NA,3\n"))
    assert rows.arrays["city"].tolist() == [["007"], ["1.50"]]
    assert rows.others.to_pydict() == {"id": ["08", "NA"]}


def test_columns_without_any_value_are_all_missing(csv: Write) -> None:
    rows = read(csv("city,size\n,\nNA,\n"))
    assert np.isnan(rows.arrays["size"]).all()
    assert rows.arrays["city"].tolist() == [[""], [""]]


def test_only_the_first_rows_are_read(csv: Write) -> None:
    path = csv("city,size\na,1\nb,x\nc,2\nd,x\n")
    (rows,) = first_rows(read_rows(path, COLUMNS, False), 3)
    assert (rows.count, list(rows.faults), rows.arrays["city"].tolist()) == (3, [1], [["a"], ["c"]])


def test_parquet_with_categories_and_integers_reads_alike(tmp_path: Path) -> None:
    frame = pd.DataFrame({"size": [1, 2], "city": pd.Categorical(["a", None])}, index=[7, 9])
    frame.to_parquet(tmp_path / "rows.parquet")
    rows = read(tmp_path / "rows.parquet")
    assert rows.arrays["size"].tolist() == [[1.0], [2.0]]
    assert rows.arrays["city"].tolist() == [["a"], [""]]
    assert rows.others.num_columns == 0


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1.5", 1.5),
        ("+2", 2),
        ("1e3", 1000),
        (" 4 ", 4),
        ("true", 1),
        ("FALSE", 0),
        ('"1,234.5"', 1234.5),
        ('"0,5"', 0.5),
    ],
)
def test_numbers_are_read_as_in_training(written: str, value: float, csv: Write) -> None:
    assert read(csv(f"n\n{written}\n"), NUMBER).arrays["n"].tolist() == [[value]]


def test_an_id_keeps_all_of_its_digits(csv: Write) -> None:
    assert read(csv("n\n9007199254740993\n"), {"n": "int64"}).arrays["n"].tolist() == [[9007199254740993]]


@pytest.mark.parametrize(
    ("text", "columns", "missing", "said"),
    [
        ("n\n1\nbig\n3\n", NUMBER, True, "column 'n': a number is needed, got 'big'"),
        ("n\n1.5\n2_5\n3.5\n", NUMBER, True, "column 'n': a number is needed, got '2_5'"),
        ("n\n1\ninf\n3\n", NUMBER, True, "column 'n': a number is needed, got 'inf'"),
        ("n\n1\n1e99\n3\n", NUMBER, True, "column 'n': a number that float32 can hold is needed, got '1e99'"),
        (
            "n,x\n1,\n,\n3,\n",
            NUMBER,
            False,
            "column 'n': a value is needed, since none was missing in training",
        ),
        ("n\n1\n300\n3\n", {"n": "uint8"}, True, "column 'n': a number that uint8 can hold is needed, got '300'"),
    ],
)
def test_a_value_that_cannot_be_read_is_a_fault_of_its_row_alone(
    text: str, columns: Mapping[str, str], missing: bool, said: str, csv: Write
) -> None:
    rows = read(csv(text), columns, missing)
    assert rows.faults == {1: said}
    assert (rows.count, len(rows.arrays["n"])) == (3, 2)


def test_a_date_with_day_and_month_exchanged_is_a_fault(csv: Write) -> None:
    rows = read(csv("d\n03/04/2024\n13/04/2024\n2024-04-13\n"), {"d": "float32"}, dates={"d": "%m/%d/%Y"})
    said = "column 'd': a date is needed, as in training (%m/%d/%Y), got "
    assert rows.faults == {1: f"{said}'13/04/2024'", 2: f"{said}'2024-04-13'"}
    rows = read(csv("d\n2024-03-04\n"), {"d": "float32"}, dates={"d": "%m/%d/%Y"})
    assert rows.arrays["d"].tolist() == [[19786]]


def test_dates_with_zones_are_read_though_one_is_wrong(csv: Write) -> None:
    rows = read(csv("d\n1970-01-02T12:00:00Z\nsoon\n"), {"d": "float32"}, dates={"d": "%Y-%m-%dT%H:%M:%S%z"})
    assert (rows.arrays["d"].tolist(), list(rows.faults)) == ([[1.5]], [1])


def test_lines_of_another_width_are_skipped_and_named(csv: Write) -> None:
    rows = read(csv("city,size\na,1\nb\nc,2,3\nd,4\n"))
    assert rows.skipped == ("line 3 has 1 fields, the header 2", "line 4 has 3 fields, the header 2")
    assert rows.arrays["city"].tolist() == [["a"], ["d"]]


def test_a_line_is_named_as_an_editor_counts_whatever_comes_before(csv: Write) -> None:
    rows = read(csv('# a comment\n\ncity,size\n"a\nb",1\n\nc\n"d\n\ne",2,3\nf,4\ng\n'))
    assert [said.partition(" has")[0] for said in rows.skipped] == ["line 7", "line 8", "line 12"]
    assert rows.arrays["city"].tolist() == [["a\nb"], ["f"]]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_of_any_size_is_read_in_pieces(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"rows.{ending}"
    frame = pd.DataFrame({"size": np.arange(5000.0), "city": "Köln", "id": [f"{i:05d}" for i in range(5000)]})
    frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path, row_group_size=1000)
    monkeypatch.setattr("sweeps.data.table_stream.BLOCK", 10_000)
    monkeypatch.setattr("sweeps.data.table_stream.ROWS", 500)
    monkeypatch.setattr(file_checks, "memory_limit", lambda: 50_000)  # less than the table takes
    found = list(read_rows(path, COLUMNS, True))
    assert len(found) >= 10
    assert [rows.first for rows in found] == np.cumsum([0, *(rows.count for rows in found[:-1])]).tolist()
    np.testing.assert_array_equal(np.concatenate([rows.arrays["size"] for rows in found])[:, 0], frame["size"])
    assert [name for rows in found for name in rows.others["id"].to_pylist()] == frame["id"].tolist()


def test_a_file_that_is_not_in_utf_8_is_read_in_its_encoding(csv: Write) -> None:
    lines = "".join(f"{city};{i}\n" for i, city in enumerate(["Köln", "Düsseldorf", "Münster"] * 20))
    assert read(csv(f"city;size\n{lines}".encode("latin-1"))).arrays["city"][0] == "Köln"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("city\na\n", "'size' is not there"),
        ("city,size\n", "no rows"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(text: str, message: str, csv: Write) -> None:
    with pytest.raises(InputError, match=message):
        read(csv(text))


def test_a_column_of_another_type_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"n": pd.to_datetime(["2024-01-01"])}).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(InputError, match="column 'n': numbers are needed, as in training, got timestamp"):
        read(tmp_path / "rows.parquet", NUMBER)
