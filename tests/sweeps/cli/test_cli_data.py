"""`sweeps data`: the columns of a table before any trial."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sweeps.cli.main import main

ROWS = "".join(f"C{i:04d};{i % 7},5;{'-' if i % 9 == 0 else i};{'ab'[i % 2]}\n" for i in range(200))


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "t.csv"
    path.write_text("id;größe;[n];y\n" + ROWS, encoding="latin-1")
    return str(path)


def test_each_column_has_a_line_of_what_is_done_with_it(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["data", table, "--target", "y"])
    out = capsys.readouterr().out
    assert "200 rows, 4 columns, cp1252, separator ';', decimal mark ','" in out
    lines = {line.split()[0]: " ".join(line.split()) for line in out.splitlines() if line}
    assert lines["id"] == "id text 0 200 left out: 200 different texts, one a row, as of an id"
    assert lines["größe"] == "größe numbers 0 7 numbers, decimal commas"
    assert lines["[n]"] == "[n] numbers 23 177 numbers, '-' is missing; missing ones become the mean"
    assert lines["y"] == "y text 0 2 target: text"
    assert "task: 2 classes, 'a' and 'b' (column 'y': 2 different texts)" in out


def test_one_json_document_says_the_same(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["data", table, "--target", "y", "--drop", "id,[n]", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [one["use"] for one in found["columns"]] == ["left out", "input", "left out", "target"]
    assert (found["rows"], found["separator"], found["decimal"], found["task"]) == (200, ";", ",", "binary")
    assert not found["problems"]


def test_what_a_sweep_would_refuse_is_said_below_the_columns(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["data", table, "--target", "id", "--drop", "größe,[n],y"])
    said = capsys.readouterr()
    assert end.value.code == 2
    assert "größe" in said.out
    assert "a column beside the target 'id' is needed" in said.err


@pytest.mark.parametrize(("file", "words"), [("digits", ".csv or .parquet"), ("no.csv", "no such file")])
def test_what_is_no_table_is_refused(file: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["data", file])
    assert end.value.code == 2
    assert words in capsys.readouterr().err
