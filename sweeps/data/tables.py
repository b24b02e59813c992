"""Reading `.csv` and `.parquet` files into an Arrow table with unique column names."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from sweeps.errors import InputError
from sweeps.system.file_checks import check_file, check_memory

# Arrow takes eight bytes for a number of two or more characters, and the float32 array four more.
_CSV_EXPANSION = 6
_DELIMITERS = b",;\t"


def read_csv(path: Path, text: Collection[str] = ()) -> pa.Table:
    """Read a CSV file in UTF-8 with a header line, which shows the delimiter: comma, semicolon or tab.

    Empty fields and pandas' markers of missing values (``NA``, ``NaN``, ``null``, …) become null.

    Args:
        path: the file.
        text: names of columns that are read as text whatever they look like.

    Raises:
        InputError: the file is not UTF-8, has lines of different length or no rows, or column names are missing or
            not unique.
    """
    check_memory(check_file(path) * _CSV_EXPANSION)
    with path.open("rb") as file:
        header = file.readline(2**20)
    delimiter = chr(max(_DELIMITERS, key=lambda byte: header.count(byte)))
    try:
        table = arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(use_threads=False),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                strings_can_be_null=True, column_types=dict.fromkeys(text, pa.string())
            ),
        )
        names = list(table.column_names)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise _csv_error(path, delimiter, error) from None
    if any(pa.types.is_binary(field.type) for field in table.schema):
        raise _csv_error(path, delimiter, InputError("a column is not text"))
    _check_names(names)
    return _with_rows(table)


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
        names = list(table.column_names)
        metadata = table.schema.pandas_metadata
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: damaged names or metadata
        raise InputError(f"a valid Parquet file is needed: {str(error).splitlines()[0]}") from None
    index = metadata.get("index_columns", []) if isinstance(metadata, dict) else []
    kept = [i for i, name in enumerate(names) if name not in index]
    _check_names([names[i] for i in kept])
    return _with_rows(table.select(kept))


def _with_rows(table: pa.Table) -> pa.Table:
    if table.num_rows == 0:
        raise InputError("there is a header, but no rows")
    return table


def _check_names(names: list[str]) -> None:
    if repeated := [name for name, count in Counter(names).items() if count > 1 and name]:
        raise InputError(f"every column needs a name of its own, got {repeated[0]!r} {names.count(repeated[0])} times")
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise InputError(
                f"every column needs a name, column {number} of {len(names)} has none; "
                "pandas omits its index with index=False"
            )


def _csv_error(path: Path, delimiter: str, error: Exception) -> InputError:
    """The error with the line to repair: Arrow names neither the line of a wrong byte nor that of a wrong length."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as wrong:
                byte = line[wrong.start]
                return InputError(
                    f"a CSV file in UTF-8 is needed, got byte 0x{byte:02x} in line {number}: save it as UTF-8"
                )
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text, delimiter=delimiter)
            width = 0
            for row in rows:
                width = width or len(row)
                if row and len(row) != width:
                    return InputError(
                        f"every line needs the header's {width} fields, line {rows.line_num} has {len(row)}"
                    )
    except csv.Error as csv_error:
        error = csv_error
    return InputError(f"a CSV file with a header line is needed: {str(error).splitlines()[0]}")
