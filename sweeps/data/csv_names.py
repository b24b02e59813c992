"""Names for all columns of a CSV file: those of the header, and as pandas gives them where it has none of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

_NAMELESS = re.compile(r"Unnamed: \d+")


def unique_names(header: Sequence[str]) -> list[str]:
    """``a``, ``a.1`` for a name that comes twice, ``Unnamed: 2`` for one that is missing in the third column."""
    taken = set(header)
    names: list[str] = []
    for number, given in enumerate(header):
        name = given if given.strip() else f"Unnamed: {number}"
        again = 0
        while name in names or (name != given and name in taken):
            again += 1
            name = f"{given}.{again}"
        names.append(name)
    return names


def note_of_repeated(header: Sequence[str]) -> tuple[str, ...]:
    """What is said of names that come more than once."""
    names = unique_names(header)
    repeated = [name for name, count in Counter(header).items() if count > 1 and name.strip()]
    others = {name: [new for new, old in zip(names, header, strict=True) if old == name != new] for name in repeated}
    return tuple(
        f"the header has {name!r} {len(others[name]) + 1} times: the later ones are called "
        f"{', '.join(map(repr, others[name]))}"
        for name in repeated
    )


def is_index(name: str, values: pa.ChunkedArray) -> bool:
    """Whether a column without a name numbers the rows, as the index that pandas writes does."""
    if not _NAMELESS.fullmatch(name) or not pa.types.is_integer(values.type) or values.null_count:
        return False
    numbers = values.to_numpy()
    return numbers[0] in (0, 1) and bool((np.diff(numbers) == 1).all())
