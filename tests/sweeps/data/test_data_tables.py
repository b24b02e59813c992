"""Tables in .csv and .parquet files: columns to inputs, and the ways to write one that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.data_spec import InputSpec
from sweeps.data import DataSource, load, not_plain
from sweeps.errors import InputError

Refused = Callable[..., str]
Write = Callable[..., Path]

ROWS = "".join(f"{i},{i / 4},{'yes' if i % 3 else 'no'}\n" for i in range(30))
PLAIN = "a,b,label\n" + ROWS


def _source(path: Path, target: str | None = "label", **options: Any) -> DataSource:
    return DataSource(str(path), target=target, **options)


def test_complete_numeric_columns_are_one_float32_array_with_the_training_rows_statistics(csv: Write) -> None:
    data = load(_source(csv(PLAIN)))
    assert data.features == ("a", "b")
    assert data.labels == ("no", "yes")
    x = data.train.columns[""]
    assert (x.shape, x.dtype.name) == ((18, 2), "float32")
    np.testing.assert_allclose(x[:, 1], x[:, 0] / 4)
    np.testing.assert_array_equal(data.train.y, x[:, 0] % 3 != 0)
    assert isinstance(data.spec.inputs, InputSpec)
    assert data.spec.inputs.mean == pytest.approx(x.mean(axis=0))
    assert data.spec.inputs.variance == pytest.approx(x.var(axis=0))
    assert not_plain(data) is None


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_text_and_missing_values_make_a_dictionary_of_columns(ending: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"size": [1.0, 2.0, 4.0] * 10, "town": ["Rome", "Oslo", "Ulm"] * 10, "price": np.arange(30) / 2}
    )
    frame.loc[3, "size"] = None
    frame.loc[4, "town"] = None
    path = tmp_path / f"t.{ending}"
    frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path)
    data = load(_source(path, "price"))
    parts = [part for part in (data.train, data.validation, data.test) if part is not None]
    size = np.concatenate([part.columns["size"] for part in parts])
    town = np.concatenate([part.columns["town"] for part in parts])
    assert (size.shape, size.dtype.name, np.isnan(size).sum()) == ((30, 1), "float32", 1)
    assert (town.shape, town.dtype.kind, (town == "").sum()) == ((30, 1), "U", 1)
    assert isinstance(data.spec.inputs, dict)
    assert list(data.spec.inputs) == ["size", "town"]
    trained = data.train.columns["size"]
    assert np.isnan(trained).any()
    assert data.spec.inputs["size"].mean == pytest.approx([np.nanmean(trained)])
    assert data.spec.inputs["size"].variance == pytest.approx([np.nanvar(trained)])
    assert data.spec.inputs["town"].dtype == "string"
    assert data.spec.inputs["town"].vocabulary == tuple(np.unique(data.train.columns["town"]).tolist())


def test_columns_that_a_model_without_preprocessing_cannot_take_are_named(csv: Write) -> None:
    rows = "".join(f"{'' if i % 10 == 0 else i},{'xyz'[i % 3]},{i},{i % 2}\n" for i in range(30))
    data = load(_source(csv("a,b,c,label\n" + rows)))
    said = not_plain(data) or ""
    assert "column 'a' misses 3 of 30 values; column 'b' holds text (3 different); " in said
    assert "'c'" not in said


def test_a_regression_target_carries_its_own_scale(csv: Write) -> None:
    data = load(_source(csv(PLAIN), "b"))
    assert (data.spec.target, data.spec.n_outputs, data.labels) == ("regression", 1, None)
    assert data.spec.target_mean == pytest.approx((data.train.y.mean(),))
    assert data.spec.target_variance == pytest.approx((data.train.y.var(),))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf" + PLAIN.encode(), id="byte-order mark"),
        pytest.param(PLAIN.replace("\n", "\r\n"), id="lines of Windows"),
        pytest.param(PLAIN.replace(",", ";"), id="semicolons"),
        pytest.param(PLAIN.replace(",", "\t"), id="tabs"),
        pytest.param(PLAIN.replace("\n", "\n\n"), id="blank lines"),
        pytest.param(PLAIN.rstrip("\n"), id="no last newline"),
        pytest.param('"a","b","label"\n' + ROWS, id="quoted header"),
    ],
)
def test_a_csv_file_is_the_same_data_however_it_is_written(content: str | bytes, csv: Write) -> None:
    expected = load(_source(csv(PLAIN))).digest
    load.cache_clear()
    assert load(_source(csv(content))).digest == expected


def test_a_parquet_file_is_the_same_data_without_the_index_of_pandas(csv: Write, tmp_path: Path) -> None:
    expected = load(_source(csv(PLAIN))).digest
    frame = pd.read_csv(tmp_path / "table.csv")
    for number, table in enumerate(
        [
            frame,
            frame.set_index(np.arange(30) ** 2),
            frame.set_index(pd.Index(np.arange(30) ** 2, name="id")),
            frame.astype({"label": "category"}),
        ]
    ):
        path = tmp_path / f"{number}.parquet"
        table.to_parquet(path)
        assert load(_source(path)).digest == expected


def test_a_symbolic_link_that_is_named_is_read(csv: Write, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(csv(PLAIN))
    assert len(load(_source(tmp_path / "link.csv")).train) == 18


LONG = "x" * 300


@pytest.mark.parametrize(
    ("content", "target", "words"),
    [
        ("", "label", ["empty"]),
        ("\n\n", "label", ["header line"]),
        ("a,b,label\n", "label", ["no rows"]),
        ("a,b,label\n1,2,x\n1,2\n", "label", ["line 3 has 2", "3 fields"]),
        ("a,b,label\n1,2,x\n1,2,x,4\n", "label", ["line 3 has 4", "3 fields"]),
        (PLAIN + "1,2\n", "label", ["line 32 has 2"]),
        ('a,b,label\n1,"2,x\n', "label", ["line 2"]),
        (b'\xef\xbb\xbf"a,b",label\n1,x\n1\n', "label", ["line 3 has 1", "2 fields"]),
        (b"a,b,label\n1,2,x\n1,2,\xff\0\n", "label", ["UTF-8", "0xff", "line 3"]),
        (PLAIN, None, ["target:", "must be given", "'a', 'b', 'label'"]),
        (PLAIN, "labl", ["no column 'labl'", "Did you mean 'label'", "'a', 'b', 'label'"]),
        (PLAIN, "", ["no column ''"]),
        ("label\nx\ny\n", "label", ["beside the target"]),
        ("a,b\n1,\n2,\n", "b", ["target:", "'b'", "no value in any row"]),
        (PLAIN + "1,inf,x\n", "b", ["target:", "'b'", "1 infinite of 31"]),
        (PLAIN + "1,inf,x\n", "label", ["'b'", "1 that are infinite"]),
        (PLAIN + "1,1e300,x\n", "label", ["'b'", "1 that are infinite or larger"]),
        (PLAIN + "1,2,maybe\n", "label", ["class 'maybe'", "3 rows", "got 1"]),
        ("a,label\n1,x\n2,x\n3,x\n", "label", ["two classes", "'x'"]),
        ("a,label\n1,x\n", "label", ["two classes", "'x'"]),
        ("b,label\n" + ",x\n,y\n" * 5, "label", ["beside the target", "'b'", "no value"]),
        ("b,label\n" + "".join(f"t{i},{i % 2}\n" for i in range(101)), "label", ["'b'", "101", "id"]),
        (f"b,label\n{LONG},x\nz,y\n", "label", ["'b'", "300 characters"]),
        ("a,b\n" + "1,2020-01-01\n2,2020-01-02\n" * 5, "b", ["target:", "'b'", "date32"]),
        (f"a,b\n1,{LONG}\n1,z\n", "b", ["'b'", "256", "300"]),
        ("a/b,b,label\n" + "1,s,x\n2,t,y\n" * 5, "label", ["'a/b'", "rename"]),
    ],
)
def test_a_csv_file_that_is_no_dataset_is_refused(
    content: str | bytes, target: str | None, words: list[str], csv: Write, refused: Refused
) -> None:
    refused(_source(csv(content), target), "table.csv", *words)


def test_of_many_columns_only_some_are_listed(csv: Write, refused: Refused) -> None:
    names = ",".join(f"c{i}" for i in range(500))
    message = refused(_source(csv(f"{names}\n{names}\n"), "c5x"), "and 480 more")
    assert len(message) < 600


def test_what_would_not_fit_in_memory_is_refused_before_it_is_read(
    csv: Write, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": np.zeros(100_000), "label": np.arange(100_000) % 2}).to_parquet(path)
    assert path.stat().st_size < 100_000
    monkeypatch.setattr("sweeps.system.file_checks.memory_limit", lambda: 1000)
    refused(_source(csv(PLAIN * 2)), "half of the memory")
    monkeypatch.setattr("sweeps.system.file_checks.memory_limit", lambda: 1_000_000)
    refused(_source(path), "half of the memory")


@pytest.mark.parametrize("content", [b"PAR1", b"a,b\n1,2\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_refused(content: bytes, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    refused(_source(tmp_path / "t.parquet"), "valid Parquet")


def test_no_flipped_byte_of_a_parquet_file_gives_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "whole.parquet"
    pd.DataFrame({"a": np.arange(30), "label": np.arange(30) % 2}).to_parquet(path)
    content = path.read_bytes()
    refused = 0
    for place in range(0, len(content), 11):
        flipped = tmp_path / f"{place}.parquet"
        flipped.write_bytes(content[:place] + bytes((content[place] ^ 0x55,)) + content[place + 1 :])
        try:
            load(_source(flipped))
        except InputError:
            refused += 1
    assert refused > 3


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ([[1, 2]] * 30, ["'b'", "list"]),
        ([{"u": 1}] * 30, ["'b'", "struct"]),
        ([b"\xff"] * 30, ["'b'", "binary"]),
    ],
)
def test_parquet_columns_that_are_neither_numbers_nor_text_are_refused(
    column: Any, words: list[str], tmp_path: Path, refused: Refused
) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": np.arange(30), "b": column, "label": np.arange(30) % 2}).to_parquet(path)
    refused(_source(path), *words)
    load.cache_clear()
    refused(_source(path, "b"), "target:", *words)


def test_an_empty_parquet_file_is_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": [1.0], "label": [0]}).head(0).to_parquet(path)
    refused(_source(path), "no rows")


def test_line_breaks_inside_quotes_belong_to_the_value_however_long_the_file_is(csv: Write) -> None:
    rows = "".join(f'"{"y" * 50}\n{"z" * 50}{i % 7}",{i % 2}\n' for i in range(20_000))
    data = load(_source(csv("text,label\n" + rows)))
    assert len(np.unique(data.train.columns["text"])) == 7


def test_decimals_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    values = [Decimal(i) / 4 for i in range(30)]
    pd.DataFrame({"a": values, "b": values}).to_parquet(path)
    data = load(_source(path, "b"))
    assert data.spec.target == "regression"
    np.testing.assert_array_equal(data.train.columns[""][:, 0], data.train.y)


@pytest.mark.parametrize("dtype", ["Int64", "UInt8", "boolean", "bool", "float32", "Float64"])
def test_every_number_type_of_parquet_becomes_float32(dtype: str, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    values = np.arange(30) % 2
    pd.DataFrame({"a": pd.array(values, dtype=dtype), "label": values}).to_parquet(path)
    data = load(_source(path))
    assert data.train.columns[""].dtype == np.float32
    np.testing.assert_array_equal(data.train.columns[""][:, 0], data.train.y)
