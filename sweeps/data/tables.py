"""Reading `.csv` and `.parquet` files into an Arrow table with unique column names."""

from __future__ import annotations

import csv
import warnings
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from sweeps.data.csv_format import UNKNOWN, CsvFormat, guessed_encoding
from sweeps.data.csv_names import note_of_repeated, unique_names
from sweeps.errors import InputError
from sweeps.system.file_checks import check_file, check_memory

# Arrow takes eight bytes for a number of two or more characters, and the float32 array four more.
_CSV_EXPANSION = 6


@dataclass(frozen=True)
class Table:
    """What was read of a file or a data frame.

    Attributes:
        notes: what is said of the header.
        form: how a CSV file is written, with its separator and encoding; None for other tables.
        path: of the CSV file, in which columns are looked at again as text.
    """

    data: pa.Table
    notes: tuple[str, ...] = ()
    form: CsvFormat | None = None
    path: Path | None = None

    def as_text(self, names: Collection[str]) -> pa.Table:
        """Columns of the CSV file as they are written."""
        assert self.path is not None
        assert self.form is not None
        return _read_csv(self.path, names, self.form)[0].select(list(names))


def read_table(path: Path, form: CsvFormat = UNKNOWN, text: Collection[str] = ()) -> Table:
    """Read a `.csv` or `.parquet` file.

    Args:
        form: what is known of how a CSV file is written.
        text: names of columns that are read as text whatever they look like.

    Raises:
        InputError: see `read_csv` and `read_parquet`.
    """
    return read_csv(path, text, form) if path.suffix.lower() == ".csv" else Table(read_parquet(path))


def read_csv(path: Path, text: Collection[str] = (), form: CsvFormat = UNKNOWN) -> Table:
    """Read a CSV file with a header line. Encoding and separator are found where they are not given.

    Empty fields and pandas' markers of missing values (``NA``, ``NaN``, ``null``, …) become null.

    Raises:
        InputError: the file is no text, or has lines of different length or no rows.
    """
    check_memory(check_file(path) * _CSV_EXPANSION)
    found = form.found_in(path)
    try:
        return Table(*_read_csv(path, text, found), found, path)
    except _NotUtf8 as wrong:
        encoding = guessed_encoding(path) if form.encoding is None else None
        if encoding is None:
            raise wrong.said from None
    found = form.found_in(path, encoding)
    return Table(*_read_csv(path, text, found), found, path)


class _NotUtf8(Exception):
    """A byte of the file is not in its encoding; `said` names the line."""

    def __init__(self, said: InputError) -> None:
        self.said = said


def _read_csv(path: Path, text: Collection[str], form: CsvFormat) -> tuple[pa.Table, tuple[str, ...]]:
    """The table, and what is said of its header."""
    read, parse = csv_options(form)
    try:
        as_text = _in_header(path, read, parse, text) if text else ()
        convert = arrow_csv.ConvertOptions(strings_can_be_null=True, column_types=dict.fromkeys(as_text, pa.string()))
        table = arrow_csv.read_csv(path, read, parse, convert)
        header = list(table.column_names)
    except (pa.ArrowInvalid, UnicodeError) as error:
        raise csv_error(path, form, error) from None
    if any(pa.types.is_binary(field.type) for field in table.schema):
        raise csv_error(path, form, InputError("a column is not text"))
    return _with_rows(table.rename_columns(unique_names(header))), note_of_repeated(header)


def _in_header(path: Path, read: Any, parse: Any, names: Collection[str]) -> list[str]:
    """The names as they are in the header."""
    with arrow_csv.open_csv(path, read, parse) as file:
        header = file.schema.names
    return [given for given, name in zip(header, unique_names(header), strict=True) if name in names]


def csv_options(form: CsvFormat, **parsing: Any) -> tuple[Any, Any]:
    """Arrow's options for reading and parsing a file in this format, whose separator and encoding are known."""
    assert form.separator is not None
    assert form.encoding is not None
    read = arrow_csv.ReadOptions(use_threads=False, encoding=form.encoding, skip_rows=form.skip)
    return read, arrow_csv.ParseOptions(delimiter=form.separator, newlines_in_values=True, **parsing)


def read_parquet(path: Path) -> pa.Table:
    """Read a Parquet file, without the index column that pandas may have added.

    Raises:
        InputError: the file is no Parquet file, too large or without rows, or column names are missing or not unique.
    """
    check_file(path)
    try:
        with parquet.ParquetFile(path) as file:
            footer = file.metadata
            # dictionary encoding stores many rows in few bytes: count rows too
            declared = sum(footer.row_group(index).total_byte_size for index in range(footer.num_row_groups))
            check_memory(max(declared, footer.num_rows * footer.num_columns * 8))
            table = file.read(use_threads=False)
        table = table.select(without_index(table.schema))
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: damaged names or metadata
        raise InputError(f"a valid Parquet file is needed: {str(error).splitlines()[0]}") from None
    check_names(table.column_names)
    return _with_rows(table)


def without_index(schema: pa.Schema) -> list[int]:
    """The numbers of the columns that are not the index of pandas.

    Raises:
        ValueError: pandas' metadata are damaged.
    """
    metadata = schema.pandas_metadata
    index = metadata.get("index_columns", []) if isinstance(metadata, dict) else []
    return [number for number, name in enumerate(schema.names) if name not in index]


def is_frame(data: Any) -> bool:
    """Whether this is a data frame, of pandas or another library that gives Arrow tables."""
    return (hasattr(data, "iloc") and getattr(data, "ndim", 0) == 2) or hasattr(data, "__arrow_c_stream__")


def table_of(frame: Any) -> Table:
    """A data frame of pandas, or what else can be read as an Arrow table, without its index.

    Raises:
        InputError: a column holds objects of several types, or names are missing or not unique.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Arrow's use of pandas is no concern of the one who gives the frame
            table = pa.Table.from_pandas(frame, preserve_index=False) if hasattr(frame, "iloc") else pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(
            f"a data frame with a type for each column is needed: {' '.join(map(str, error.args))}"
        ) from None
    check_names(list(map(str, table.column_names)))
    return Table(_with_rows(table))


def stacked(table: Table, validation: Table) -> Table:
    """The rows of both tables, in the first one's columns.

    Raises:
        InputError: the second one lacks a column, or has another type there.
    """
    names = table.data.column_names
    if absent := [name for name in names if name not in validation.data.column_names]:
        raise InputError(f"validation_data: the columns of the data are needed, {', '.join(map(repr, absent))} missing")
    try:
        return Table(pa.concat_tables([table.data, validation.data.select(names)], promote_options="permissive"))
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"validation_data: columns of the same types are needed: {error}") from None


def _with_rows(table: pa.Table) -> pa.Table:
    if table.num_rows == 0:
        raise InputError("there is a header, but no rows")
    return table


def check_names(names: list[str]) -> None:
    """Raises: InputError: names are missing or not unique."""
    if repeated := [name for name, count in Counter(names).items() if count > 1 and name]:
        raise InputError(f"every column needs a name of its own, got {repeated[0]!r} {names.count(repeated[0])} times")
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise InputError(
                f"every column needs a name, column {number} of {len(names)} has none; "
                "pandas omits its index with index=False"
            )


def csv_error(path: Path, form: CsvFormat, error: Exception) -> Exception:
    """The error with the line to repair: Arrow names neither the line of a wrong byte nor that of a wrong length."""
    encoding = form.encoding or "utf-8"
    if encoding == "utf-8":
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as wrong:
                    byte = line[wrong.start]
                    return _NotUtf8(
                        InputError(
                            f"a CSV file in UTF-8 is needed, got byte 0x{byte:02x} in line {number}: "
                            "save it as UTF-8, or give --csv-encoding"
                        )
                    )
    try:
        with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as text:
            for _ in range(form.skip):
                next(text)
            rows = csv.reader(text, delimiter=form.separator or ",")
            width = 0
            for row in rows:
                width = width or len(row)
                if row and len(row) != width:
                    return InputError(
                        f"every line needs the header's {width} fields, line {rows.line_num + form.skip} has {len(row)}"
                    )
    except UnicodeError as wrong:
        return InputError(f"csv_encoding: the file is not in {encoding}: {wrong}")
    except csv.Error as csv_error:
        error = csv_error
    return InputError(f"a CSV file with a header line is needed: {str(error).splitlines()[0]}")
