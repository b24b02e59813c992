"""Rows of resident tensors, their batches, and the order of an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

Order = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True)
class Rows:
    """Rows `start <= row < stop` of resident tensors, cut into batches.

    Attributes:
        tensors: flat tensors with the same number of rows.
        structure: the (x, y, sample_weight) of `train_step`, with the index of a tensor or None at each leaf.
        start: the first row.
        stop: the row after the last.
        batch_size: rows a step; the last step may have fewer.
    """

    tensors: tuple[Any, ...]
    structure: Any
    start: int
    stop: int
    batch_size: int

    @property
    def count(self) -> int:
        return self.stop - self.start

    @property
    def full_steps(self) -> int:
        return self.count // self.batch_size

    @property
    def rest(self) -> int:
        """Rows of the last, smaller batch; 0 when there is none."""
        return self.count % self.batch_size

    @property
    def steps(self) -> int:
        return self.full_steps + (1 if self.rest else 0)

    def pack(self, leaves: list[Any]) -> Any:
        """`leaves`, one for each tensor, in the structure of `train_step`'s argument."""
        return keras.tree.map_structure(
            lambda leaf: leaf if leaf is None else leaves[int(leaf)], self.structure, none_is_leaf=True
        )

    def order(self, shuffle: bool | str, seed: int, epoch: int) -> Order:
        """int32 (count,): the rows in the order of `epoch`, determined by `seed` and `epoch`."""
        rows = np.arange(self.start, self.stop, dtype=np.int32)
        if not shuffle:
            return rows
        generator = np.random.default_rng([seed, epoch])
        if shuffle == "batch":
            for begin in range(0, self.count, self.batch_size):
                generator.shuffle(rows[begin : begin + self.batch_size])
        else:
            generator.shuffle(rows)
        return rows
