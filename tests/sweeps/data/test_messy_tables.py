"""Tables as people have them: how each column is read, what becomes of it, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeps.data import CsvFormat, Dataset, DataSource, from_frame, load, read_rows
from sweeps.errors import InputError

Refused = Callable[..., str]
Write = Callable[..., Path]
ROWS = 120


def _load(path: Path, target: str = "y", **options: Any) -> Dataset:
    load.cache_clear()
    return load(DataSource(str(path), target=target, **options))


def _table(**columns: Callable[[int], object]) -> str:
    """A CSV table with semicolons, a function of the row's number for each column, and a target `y` of two classes."""
    lines = [";".join([*columns, "y"])]
    lines += [";".join([*(str(column(i)) for column in columns.values()), "ab"[i % 2]]) for i in range(ROWS)]
    return "\n".join(lines)


def _column(data: Dataset, name: str) -> np.ndarray[Any, Any]:
    """All values of a column, sorted."""
    if isinstance(data.train.x, dict):
        values = np.concatenate([part.columns[name] for part in data.parts])
    else:
        index = (data.features or ()).index(name)
        values = np.concatenate([part.columns[""][:, index] for part in data.parts])
    return np.sort(values.ravel())


def test_columns_are_left_out_and_kept_by_name(csv: Write, refused: Refused) -> None:
    path = csv(_table(a=int, b=int, c=int))
    assert _load(path, drop=("b",)).features == ("a", "c")
    assert _load(path, columns=("c", "a")).features == ("a", "c")
    assert _load(path, columns=("a", "y")).features == ("a",)
    for options, words in (
        ({"drop": ("bb",)}, ["drop: no column 'bb'", "Did you mean 'b'"]),
        ({"columns": ("bb",)}, ["columns: no column 'bb'"]),
        ({"drop": ("y",)}, ["drop: 'y' is the target"]),
        ({"drop": ("a",), "columns": ("a", "b")}, ["'a' is also one of the columns to keep"]),
        ({"drop": ("a", "b", "c")}, ["beside the target"]),
    ):
        refused(DataSource(str(path), target="y", **options), *words)  # type: ignore[arg-type]
    refused(DataSource("digits", drop=("a",)), "drop: only .csv and .parquet")


@pytest.mark.parametrize("mark", ["?", "-", "NA", "N/A", "null", " ", ""])
def test_a_mark_of_the_missing_among_numbers_is_a_missing_number(mark: str, csv: Write) -> None:
    data = _load(csv(_table(a=lambda i: mark if i % 10 == 0 else i)))
    assert data.inputs["a"]["dtype"] == "float32"
    assert np.isnan(_column(data, "a")).sum() == 12
    assert all(repr(mark) in note for note in data.warnings) or mark == " "


def test_a_mark_among_texts_is_a_category(csv: Write) -> None:
    data = _load(csv(_table(a=lambda i: "?" if i % 10 == 0 else "xyz"[i % 3])))
    assert "?" in _column(data, "a")
    assert not data.warnings


@pytest.mark.parametrize(
    ("write", "value"),
    [
        (lambda i: f"{i},5", 0.5),
        (lambda i: f"1.{i:03d},25", 1000.25),
        (lambda i: f"-1 {i:03d},25", -1119.25),
        (lambda i: f"1\u00a0{i:03d},25", 1000.25),
        (lambda i: f"1'{i:03d}.25", 1000.25),
        (lambda i: f"1,{i:03d}.25", 1000.25),
        (lambda i: f"{i}.5", 0.5),
        (lambda i: f"0,{i:03d}", 0.0),
        (lambda i: f"1,{i:03d}", 1.0),
        (lambda i: f"+{i},5e1", 5.0),
    ],
)
def test_numbers_are_read_however_they_are_written(write: Callable[[int], str], value: float, csv: Write) -> None:
    values = _column(_load(csv(_table(a=write))), "a")
    assert values.dtype == np.float32
    assert values[0] == pytest.approx(value)


@pytest.mark.parametrize(
    ("write", "value", "said"),
    [
        (lambda i: f"{i}%", 1, "numbers, '%' is left away"),
        (lambda i: f"{i},5 %", 1.5, "numbers, '%' is left away, decimal commas"),
        (lambda i: f"$-{(120 - i) * 1000:,}.00", -119000, "numbers, '$' is left away, ',' between thousands"),
        (lambda i: "?" if i == 7 else f"{i}.50\u00a0€", 1.5, "numbers, '€' is left away, '?' is missing"),
    ],
)
def test_percent_and_currency_signs_are_left_away(
    write: Callable[[int], str], value: float, said: str, csv: Write
) -> None:
    data = _load(csv(_table(a=write)))
    assert _column(data, "a")[1] == pytest.approx(value)
    assert any(said in note for note in data.warnings), data.warnings
    (rows,) = read_rows(csv(f'a\n"{write(1)}"\n'), {"a": "float32"}, True, data.reading)
    assert rows.arrays["a"].tolist() == [[pytest.approx(value)]]


def test_a_sign_that_not_all_values_have_makes_no_number(csv: Write) -> None:
    data = _load(csv(_table(a=lambda i: f"{i % 9}%" if i % 2 else str(i % 9))))
    assert data.inputs["a"]["dtype"] == "string"


@pytest.mark.parametrize("before", ["# exported, 2024\n# by hand\n", "# exported\n\n", "\n", "#"])
def test_comments_before_the_header_are_passed_over_and_a_header_is_none(before: str, csv: Write) -> None:
    data = _load(csv(before + _table(a=lambda i: i % 9, b=int)))
    assert data.features == (("#a" if before == "#" else "a"), "b")


def test_points_are_between_thousands_where_another_column_has_decimal_commas(csv: Write) -> None:
    both = _load(csv(_table(a=lambda i: f"{i},5", b=lambda i: f"1.{i:03d}")))
    assert _column(both, "b")[0] == 1000
    assert "column 'b': numbers, decimal commas, '.' between thousands" in both.warnings
    alone = _load(csv(_table(b=lambda i: f"1.{i:03d}")))
    assert _column(alone, "b")[0] == 1
    given = _load(csv(_table(b=lambda i: f"1.{i:03d}")), csv=CsvFormat(decimal=","))
    assert _column(given, "b")[0] == 1000


def test_between_commas_a_comma_in_quotes_is_between_thousands_unless_it_cannot_be(csv: Write) -> None:
    def quoted(text: str) -> Dataset:
        return _load(csv("a,y\n" + "".join(f'"{text.format(i)}",{"ab"[i % 2]}\n' for i in range(ROWS))))

    assert _column(quoted("1,{:03d}"), "a")[0] == 1000
    assert _column(quoted("{},5"), "a")[0] == 0.5


def test_what_keeps_a_column_from_being_numbers_is_said(csv: Write) -> None:
    [note] = _load(csv(_table(a=lambda i: "abc" if i == 7 else f"{i % 50},5"))).warnings
    assert "column 'a': 51 categories, though most are numbers: not 'abc'" in note


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252", "utf-8-sig"])
def test_the_encoding_is_found(encoding: str, csv: Write) -> None:
    data = _load(csv(_table(größe=int, ort=lambda i: ["Köln", "Düsseldorf"][i % 2]).encode(encoding)))
    assert data.features == ("größe", "ort")
    assert set(_column(data, "ort")) == {"Köln", "Düsseldorf"}


def test_what_is_given_of_a_csv_file_counts(csv: Write, refused: Refused) -> None:
    content = "a b y\n" + "".join(f"{i} 1_{i:03d} {'ab'[i % 2]}\n" for i in range(ROWS))
    data = _load(csv(content.encode("cp037")), csv=CsvFormat("space", ".", "_", "cp037"))
    assert (_column(data, "a")[1], _column(data, "b")[1]) == (1, 1001)
    (rows,) = read_rows(csv("b a\n1_007 2\n".encode("cp037")), dict.fromkeys("ab", "float32"), True, data.reading)
    assert (rows.arrays["a"].tolist(), rows.arrays["b"].tolist()) == ([[2]], [[1007]])
    for options, words in (
        ({"separator": ";;"}, "csv_separator: one character"),
        ({"decimal": "x"}, "csv_decimal: '.' or ','"),
        ({"decimal": ",", "thousands": ","}, "csv_thousands: another mark"),
        ({"encoding": "klingon"}, "csv_encoding: a name such as"),
    ):
        with pytest.raises(InputError, match=words):
            CsvFormat(**options)
    refused(DataSource(str(csv(_table(a=int).encode())), "y", csv=CsvFormat(encoding="utf-32")), "csv_encoding")
    refused(DataSource("digits", csv=CsvFormat(decimal=",")), "only .csv files")


def test_the_line_of_excel_that_names_the_separator_is_no_header(csv: Write) -> None:
    assert _load(csv("sep=;\n" + _table(a=lambda i: f"{i},5"))).features == ("a",)


@pytest.mark.parametrize(
    ("write", "first"),
    [
        (lambda i: f"2020-01-{i % 28 + 1:02d}", 18262),
        (lambda i: f"2020-01-{i % 28 + 1:02d} 12:00:00", 18262.5),
        (lambda i: f"2020-01-{i % 28 + 1:02d}T12:00:00Z", 18262.5),
        (lambda i: f"{i % 28 + 1:02d}.01.2020", 18262),
        (lambda i: f"{i % 28 + 1}/1/2020", 18262),
        (lambda i: f"1/{i % 28 + 1}/2020 12:00 PM", 18262.5),
        (lambda i: f"{i % 28 + 1}-Jan-20", 18262),
        (lambda i: f"January {i % 28 + 1}, 2020", 18262),
        (lambda i: "?" if i % 7 == 6 else f"2020/01/{i % 28 + 1:02d}", 18262),
        (lambda i: f"{i % 24:02d}:30", 1 / 48),
    ],
)
def test_dates_and_times_become_days_however_they_are_written(
    write: Callable[[int], str], first: float, csv: Write
) -> None:
    data = _load(csv(_table(a=write)))
    assert _column(data, "a")[0] == pytest.approx(first)
    assert data.spec.inputs["a"].periods  # type: ignore[index]
    assert "column 'a'" in data.warnings[0]
    (rows,) = read_rows(csv(f'a\n"{write(0)}"\n?\n'), {"a": "float32"}, True, data.reading)
    assert rows.arrays["a"][0] == pytest.approx(first)
    assert np.isnan(rows.arrays["a"][1])


@pytest.mark.parametrize(
    ("other", "dayfirst", "first", "said"),
    [
        ("", None, 4, "month first, which no row tells: --csv-dayfirst for the other order"),
        ("", True, 3, "dates (%d/%m/%Y), as elapsed"),
        ("", False, 4, "dates (%m/%d/%Y), as elapsed"),
        ("{:02d}/01/2024", None, 3, "dates (%d/%m/%Y), day first as in other columns, as elapsed"),
        ("01/{:02d}/2024", None, 4, "dates (%m/%d/%Y), month first as in other columns, as elapsed"),
    ],
)
def test_the_order_of_day_and_month_is_found_given_or_said(
    other: str, dayfirst: bool | None, first: int, said: str, csv: Write
) -> None:
    columns: dict[str, Callable[[int], str]] = {"d": lambda i: f"0{i % 5 + 3}/04/2024"}
    if other:
        columns["other"] = lambda i: other.format(i % 28 + 1)
    data = _load(csv(_table(**columns)), csv=CsvFormat(dayfirst=dayfirst))
    month, day = (4, 3) if first == 3 else (3, 4)
    assert _column(data, "d")[0] == (pd.Timestamp(2024, month, day) - pd.Timestamp(0)).days
    assert any("column 'd'" in note and said in note for note in data.warnings), data.warnings
    assert data.reading is not None
    assert data.reading["dates"]["d"] == ("%d/%m/%Y" if first == 3 else "%m/%d/%Y")


def test_rows_to_predict_are_read_as_the_training_data_were(csv: Write) -> None:
    data = _load(csv(_table(d=lambda i: f"{i % 28 + 1:02d}/01/2020", n=lambda i: f"{i},5")))
    columns = {name: one["dtype"] for name, one in data.inputs.items()}
    # alone, these rows could be the second of March and thousands
    (rows,) = read_rows(csv("d;n\n02/03/2020;1,234\n02/03/2020;1.234\n"), columns, True, data.reading)
    assert rows.arrays["d"].tolist() == [[18323], [18323]]
    assert rows.arrays["n"].tolist() == [[pytest.approx(1.234)], [1234]]
    # from a program, with points
    (rows,) = read_rows(csv("d,n\n02/03/2020,1.234\nsoon,1\n"), columns, True, data.reading)
    assert rows.arrays["n"].tolist() == [[pytest.approx(1.234)]]
    assert rows.faults == {1: "column 'd': a date is needed, as in training (%d/%m/%Y), got 'soon'"}


def test_ids_prose_and_empty_columns_are_left_out_and_many_categories_grouped(csv: Write) -> None:
    def rows(i: int) -> str:
        return f"C{i:05d},{'word ' * 60}{i % 2},,t{i % 1500},{i},{'ab'[i % 2]}\n"

    data = _load(csv("id,prose,empty,town,n,y\n" + "".join(map(rows, range(3000)))))
    assert data.features == ("town", "n")
    said = "\n".join(data.warnings)
    for words in ("'id': left out: 3000 different", "'prose': left out", "'empty': left out", "1000 most frequent of"):
        assert words in said
    assert len(data.spec.inputs["town"].vocabulary) == 1000  # type: ignore[index, arg-type]
    assert _load(csv("id,prose,empty,town,n,y\n" + "".join(map(rows, range(3000)))), drop=("id",)).features


@pytest.mark.filterwarnings("ignore:Series.values returning")
def test_a_frame_is_the_same_data_as_its_file(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "flag": pd.array([True, None, False] * 40, dtype="boolean"),
            "kind": pd.Categorical(["a", "b", None] * 40),
            "when": pd.date_range("2021-03-01 08:00", periods=120, freq="h", tz="Europe/Berlin"),
            "took": pd.to_timedelta(np.arange(120), unit="h"),
            "y": np.arange(120) % 2,
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    data, source = _load(tmp_path / "t.parquet"), DataSource("table", target="y")
    assert from_frame(frame, source).digest == data.digest
    assert data.features == ("flag", "kind", "when", "took")
    assert _column(data, "when")[0] == pytest.approx(18687 + 8 / 24, abs=1e-3)  # the hour in Berlin
    assert _column(data, "took")[12] == 0.5
    with pytest.raises(InputError, match="no column 'z'"):
        from_frame(frame, DataSource("table", target="z"))
    mixed = pd.DataFrame({"a": [1, "x", 2.5], "y": [0, 1, 0]})
    with pytest.raises(InputError, match="a type for each column"):
        from_frame(mixed, source)


def test_columns_without_a_name_of_their_own_are_named_as_in_pandas(csv: Write) -> None:
    content = ",a,a,b,y,\n" + "".join(f"{i},{i % 7},x{i % 3},{i % 5},{i % 2},\n" for i in range(100))
    data = _load(csv(content))
    assert data.features == ("a", "a.1", "b")
    assert set(_column(data, "a.1")) == {"x0", "x1", "x2"}
    said = "\n".join(data.warnings)
    assert "the header has 'a' 2 times: the later ones are called 'a.1'" in said
    assert "column 'Unnamed: 0': left out: it has no name and numbers the rows" in said
    assert "column 'Unnamed: 5': left out: it has no value in any row" in said
    assert list(pd.read_csv(csv(content)).columns) == ["Unnamed: 0", "a", "a.1", "b", "y", "Unnamed: 5"]
    columns = {name: one["dtype"] for name, one in data.inputs.items()}
    (rows,) = read_rows(csv("a,a,b\n1,007,2\n"), columns, True, data.reading)
    assert rows.arrays["a.1"].tolist() == [["007"]]


def test_rows_without_a_target_are_left_out_and_counted(csv: Write) -> None:
    content = "a,y\n" + "".join(f"{i},{'?' if i % 10 == 0 else i / 2}\n" for i in range(100))
    data = _load(csv(content))
    assert sum(map(len, data.parts)) == 90
    assert "10 of 100 rows are left out: they have no value in the target 'y'" in data.warnings
    for part in data.parts:
        np.testing.assert_array_equal(part.y, part.x[:, 0] / 2)  # type: ignore[index]


def test_a_frame_of_validation_rows_is_planned_with_that_of_the_data() -> None:
    source = DataSource("table", target="y", as_given=False)
    frame = pd.DataFrame({"a": np.arange(60.0), "town": ["Oslo", "Rome"] * 30, "y": np.arange(60) % 2})
    validation = pd.DataFrame({"y": [0.0, None, 1.0], "town": ["Oslo", "Rome", "Ulm"], "a": [1, 2, None], "other": 0})
    data = from_frame(frame, source, validation)
    assert [len(part) for part in data.parts] == [60, 2]
    assert data.validation.x["town"].tolist() == [["Oslo"], ["Ulm"]]  # type: ignore[index]
    assert data.spec.inputs["town"].vocabulary == ("Oslo", "Rome")  # type: ignore[index]
    assert "1 of 63 rows are left out: they have no value in the target 'y'" in data.warnings
    with pytest.raises(InputError, match="validation_data: the columns of the data are needed, 'town' missing"):
        from_frame(frame, source, validation.drop(columns="town"))
    with pytest.raises(InputError, match="validation_data: columns of the same types are needed"):
        from_frame(frame, source, validation.assign(town=1))


def test_all_complaints_about_a_file_are_made_at_once(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [[1]] * 9, "b": [b"x"] * 9, "c": [np.inf] * 9, "y": ["p", "q", None] * 3})
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError) as caught:
        _load(tmp_path / "t.parquet")
    for words in ("3 things are wrong", "'a': numbers or text", "--drop 'b'", "'c': values below"):
        assert words in str(caught.value)
