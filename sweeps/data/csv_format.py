"""How a CSV file is written: its encoding, separator, and marks of decimals and thousands; given, or found."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from sweeps.errors import InputError

_SEPARATORS = ",;\t|"
_NAMED = {"tab": "\t", "\\t": "\t", "space": " "}
# Bytes of a file that tell its encoding: the lines that are not plain ASCII.
_SAMPLE = 2**18
# The usual ones beside UTF-8, the most usual first: a short text is often as plausible in several.
_ENCODINGS = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp932", "gb18030", "big5", "cp949",
]  # fmt: skip


@dataclass(frozen=True)
class CsvFormat:
    """How a CSV file is written; None: not known yet.

    Attributes:
        separator: of the fields, one character; ``tab`` and ``\\t`` are taken for a tab.
        decimal: ``.`` or ``,``.
        thousands: one character between groups of three digits.
        encoding: a name of Python's: ``utf-8``, ``latin-1``, ``cp1252``, ….
        dayfirst: whether 03/04/2024 is the third of April, where all dates of a column leave it open.
        skip: lines before the header: Excel's ``sep=;``, or comments after ``#``.

    Raises:
        InputError: more than one character, an unknown decimal mark or encoding, or one mark for two things.
    """

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    dayfirst: bool | None = None
    skip: int = 0

    def __post_init__(self) -> None:
        if self.separator is not None:
            object.__setattr__(self, "separator", _NAMED.get(self.separator, self.separator))
        for name, mark in (("separator", self.separator), ("thousands", self.thousands)):
            if mark is not None and (len(mark) != 1 or (not mark.isascii() and name == "separator") or mark in '"\r\n'):
                raise InputError(f"csv_{name}: one character is needed, got {mark!r}")
        if self.decimal not in (None, ".", ","):
            raise InputError(f"csv_decimal: '.' or ',' is needed, got {self.decimal!r}")
        if self.decimal is not None and self.decimal == self.thousands:
            raise InputError(f"csv_thousands: another mark than that of decimals is needed, got {self.thousands!r}")
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except (LookupError, ValueError):
                raise InputError(
                    f"csv_encoding: a name such as utf-8, latin-1 or cp1252 is needed, got {self.encoding!r}"
                ) from None

    def given(self) -> dict[str, str]:
        """What is known, as the arguments of this class."""
        known = {name: getattr(self, name) for name in ("separator", "decimal", "thousands", "encoding")}
        return {name: value for name, value in known.items() if value is not None}

    def found_in(self, path: Path, encoding: str = "utf-8") -> CsvFormat:
        """A copy with encoding and separator: those that are not given are read off the file.

        Args:
            encoding: that of a file that has no byte-order mark.
        """
        with path.open("rb") as file:
            head = file.read(2**16)
        if self.encoding is None:
            encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else encoding
        else:
            encoding = self.encoding
        lines = head.decode(encoding, "replace").lstrip("\ufeff").splitlines(keepends=True)
        first = lines[0].strip().strip('"') if lines else ""
        if len(first) == 5 and first.lower().startswith("sep="):
            return replace(self, separator=self.separator or first[4], encoding=encoding, skip=1)
        skip = next((number for number, line in enumerate(lines) if line.strip() and line[0] != "#"), 0)
        separator = self.separator or _separator("".join(lines[skip:]))
        # a header may begin with a number sign, too
        if skip and lines[skip - 1].strip() and lines[skip - 1].count(separator) == lines[skip].count(separator):
            skip -= 1
        return replace(self, separator=separator, encoding=encoding, skip=skip)


UNKNOWN = CsvFormat()


def _separator(text: str) -> str:
    """The separator of a file that begins with `text`: of those in the header the one that splits all lines alike.

    `csv.Sniffer` takes letters and blanks for separators where the fields look alike.
    """
    header = text.partition("\n")[0]
    candidates = sorted(_SEPARATORS, key=lambda mark: -header.count(mark))
    candidates = [mark for mark in candidates if mark in header] or [","]
    for mark in candidates if len(candidates) > 1 else ():
        try:
            # the last line may be cut off
            widths = {len(row) for row in list(islice(csv.reader(io.StringIO(text), delimiter=mark), 100))[:-1] if row}
        except csv.Error:
            continue
        if len(widths) == 1 and widths != {1}:
            return mark
    return candidates[0]


def guessed_encoding(path: Path) -> str | None:
    """The encoding of a file that is not UTF-8; None for what is no text."""
    from charset_normalizer import from_bytes  # 0.1 s that a file in UTF-8 does not need

    sample = b""
    with path.open("rb") as lines:
        for number, line in enumerate(lines):
            if number == 0 or not line.isascii():
                sample += line[:_SAMPLE]
            if len(sample) >= _SAMPLE:
                break
    if b"\0" in sample:
        return None
    matches = from_bytes(sample, cp_isolation=_ENCODINGS, threshold=0.5)
    best = matches.best()
    if best is None:
        return None
    as_good = [match for match in matches if match.chaos <= best.chaos and match.coherence >= best.coherence]
    names = {name for match in as_good for name in match.could_be_from_charset}
    return next((name for name in _ENCODINGS if name in names), best.encoding)
