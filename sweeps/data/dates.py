"""Dates and times as numbers: days since 1970, of which the model makes elapsed time and cycles."""

from __future__ import annotations

import contextlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute

from sweeps.data.dataset import Array

#: a year, a week and a day, in days: the cycles of a date
YEAR, WEEK, DAY = 365.2425, 7.0, 1.0
_DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%d %b %Y",
    "%b %d, %Y", "%B %d, %Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%d-%b-%y",
)  # fmt: skip
_TIMES = ("", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", "T%H:%M")
_ZONED = "%Y-%m-%dT%H:%M:%S%z"
FORMATS = (*(date + time for date in _DATES for time in _TIMES), "%H:%M:%S", "%H:%M", "%I:%M %p", _ZONED)
_MICROSECONDS_A_DAY = 86_400_000_000
_LOOKS_LIKE_ONE = r"^\d{1,4}[-./: ]|^[A-Z][a-z]{2,8} \d"


def format_of(column: pa.ChunkedArray) -> str | None:
    """The format in which all texts that are there are dates or times, the first of `FORMATS`; None for other text."""
    different = compute.drop_null(column.unique())
    if not len(different) or not compute.all(compute.match_substring_regex(different, _LOOKS_LIKE_ONE)).as_py():
        return None
    few = different.slice(0, 50)
    return next((form for form in FORMATS if is_of(few, form) and is_of(different, form)), None)


def exchanged(form: str) -> str | None:
    """The format with day and month in the other order; None where nobody writes dates so."""
    date, time = form[:8], form[8:]
    other = date.translate(str.maketrans("dm", "md")) + time
    return other if other != form and other in FORMATS else None


def is_of(texts: pa.Array | pa.ChunkedArray, form: str) -> bool:
    """Whether all texts are dates or times in a format."""
    return bool(_read(texts, form).null_count == texts.null_count)


def best_format(column: pa.ChunkedArray, wanted: str) -> str:
    """The format in which most of the texts are dates: `wanted`, unless another one reads more of them.

    It is none that has day and month exchanged: of 03/04/2024 and 13/04/2024 in a file, the former would be misread.

    Args:
        wanted: of the training data; "" for that of ISO 8601.
    """
    few = compute.drop_null(column.unique()).slice(0, 50)
    date = wanted.partition(" ")[0].partition("T")[0]
    exchanged = date.translate(str.maketrans("dm", "md")) if "%m" in date else None
    others = (form for form in FORMATS if exchanged is None or not form.startswith(exchanged))
    return max([wanted] * bool(wanted) + [*others], key=lambda form: -_read(few, form).null_count)


def _read(texts: pa.Array | pa.ChunkedArray, form: str) -> pa.Array | pa.ChunkedArray:
    """Time stamps, null for what is none in this format."""
    if form == _ZONED:
        read = _zoned(texts)
    else:
        whole = compute.replace_substring_regex(texts, r"(:\d\d)[.,]\d+", r"\1")  # without fractions of a second
        read = compute.strptime(whole, format=form, unit="us", error_is_null=True)
    years = compute.year(read)
    is_year = compute.and_(compute.greater(years, 1000), compute.less(years, 3000))
    return compute.if_else(is_year, read, pa.scalar(None, read.type))


def _zoned(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    kind = pa.timestamp("us", "UTC")
    with contextlib.suppress(pa.ArrowInvalid):
        return texts.cast(kind)
    if len(texts) == 1:
        return pa.nulls(1, kind)
    return pa.chunked_array([_zoned(texts.slice(index, 1)) for index in range(len(texts))], kind)


def as_days(column: pa.ChunkedArray, form: str | None = None) -> Array:
    """Days since 1970-01-01, float64 (n,) with NaN; of a time its part of the day, of a duration its length.

    A time with a zone counts as the local time of that zone.

    Args:
        column: dates, times or durations; or text in the format `form`.
    """
    if form is not None:
        column = pa.chunked_array([_read(column.combine_chunks(), form)])
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        column = compute.local_timestamp(column)
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("s"))
    if pa.types.is_time(kind):
        column = column.cast(pa.time64("us"), safe=False)
    elif pa.types.is_duration(kind):
        column = column.cast(pa.duration("us"), safe=False)
    else:
        column = column.cast(pa.timestamp("us"), safe=False)
    microseconds = column.cast(pa.int64())
    days: Array = compute.cast(microseconds, pa.float64(), safe=False).to_numpy() / _MICROSECONDS_A_DAY
    if form is not None and "%d" not in form:  # a time alone is read as one of 1900-01-01
        days = np.mod(days, 1.0)
    return days


def cycles_of(days: Array) -> tuple[float, ...]:
    """The periods, in days, whose phases tell something of such values: of whole days not the hour."""
    known = days[np.isfinite(days)]
    if not len(known):
        return ()
    if (np.abs(known) <= 1).all():
        return (DAY,)
    has_times = bool((np.mod(known, 1.0) != 0).any())
    return (YEAR, WEEK, DAY) if has_times else (YEAR, WEEK)
