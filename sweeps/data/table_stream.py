"""Tables of any size, a piece at a time: of a CSV file each field as it is written."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from sweeps.data.csv_format import CsvFormat, guessed_encoding
from sweeps.data.csv_names import unique_names
from sweeps.data.tables import check_names, csv_error, csv_options, without_index
from sweeps.errors import InputError
from sweeps.system.file_checks import check_file, check_memory

#: bytes of a CSV file that are read at once
BLOCK = 2**24
#: rows of a Parquet file that are read at once
ROWS = 2**16


@dataclass(frozen=True)
class Piece:
    """Some rows of a table.

    Attributes:
        first: how many rows come before.
        data: of a CSV file text without nulls.
        form: how a CSV file is written; None for other files.
        skipped: what is said of lines that are no rows, found while these rows were read.
    """

    first: int
    data: pa.Table
    form: CsvFormat | None = None
    skipped: tuple[str, ...] = ()


def pieces(path: Path, form: CsvFormat) -> Iterator[Piece]:
    """The rows of a `.csv` or `.parquet` file, in order.

    Args:
        form: what is known of how a CSV file is written.

    Raises:
        InputError: the file is no such table, or has no rows.
    """
    check_file(path)
    read = _csv_pieces(path, form) if path.suffix.lower() == ".csv" else _parquet_pieces(path)
    first = 0
    for piece in read:
        yield Piece(first, piece.data, piece.form, piece.skipped)
        first += piece.data.num_rows
    if not first:
        raise InputError("there is a header, but no rows")


def _csv_pieces(path: Path, form: CsvFormat) -> Iterator[Piece]:
    form = _found(path, form)
    skipped: list[str] = []
    lines = _first_lines(path, form)

    def skip(row: arrow_csv.InvalidRow) -> str:
        line = next((line for number, line in lines if number == row.number), row.number)
        skipped.append(f"line {line} has {row.actual_columns} fields, the header {row.expected_columns}")
        return "skip"

    read, parse = csv_options(form, invalid_row_handler=skip)
    read.block_size = BLOCK
    try:
        with arrow_csv.open_csv(path, read, parse) as file:
            header = file.schema.names
        skipped.clear()
        lines = _first_lines(path, form)
        names = unique_names(header)
        convert = arrow_csv.ConvertOptions(strings_can_be_null=False, column_types=dict.fromkeys(header, pa.string()))
        with arrow_csv.open_csv(path, read, parse, convert) as file:
            for batch in file:
                yield Piece(0, pa.Table.from_batches([batch]).rename_columns(names), form, tuple(skipped))
                skipped.clear()
        if skipped:
            yield Piece(0, file.schema.empty_table().rename_columns(names), form, tuple(skipped))
    except (pa.ArrowInvalid, UnicodeError) as error:
        raise csv_error(path, form, error) from None


def _first_lines(path: Path, form: CsvFormat) -> Iterator[tuple[int, int]]:
    """The number of each row as Arrow counts, which sees no empty lines and takes a text of several lines for one, and
    the line on which it begins."""
    with contextlib.suppress(csv.Error, UnicodeError), path.open(encoding=form.encoding, newline="") as text:
        for _ in range(form.skip):
            next(text)
        number = line = form.skip
        rows = csv.reader(text, delimiter=form.separator or ",")
        for row in rows:
            if row:
                number += 1
                yield number, line + 1
            line = form.skip + rows.line_num


def _found(path: Path, form: CsvFormat) -> CsvFormat:
    """The format with its encoding and separator."""
    found = form.found_in(path)
    if form.encoding is not None or found.encoding != "utf-8":
        return found
    with path.open("rb") as lines:
        try:
            for line in lines:
                line.decode()
        except UnicodeDecodeError as wrong:
            encoding = guessed_encoding(path)
            if encoding is None:
                raise InputError(f"a text file is needed: {wrong}") from None
            return form.found_in(path, encoding)
    return found


def _parquet_pieces(path: Path) -> Iterator[Piece]:
    try:
        with parquet.ParquetFile(path) as file:
            footer = file.metadata
            for index in range(footer.num_row_groups):
                check_memory(footer.row_group(index).total_byte_size)
            kept = without_index(file.schema_arrow)
            check_names([file.schema_arrow.names[number] for number in kept])
            for batch in file.iter_batches(ROWS, use_threads=False):
                yield Piece(0, pa.Table.from_batches([batch]).select(kept))
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: damaged names or metadata
        raise InputError(f"a valid Parquet file is needed: {str(error).splitlines()[0]}") from None
