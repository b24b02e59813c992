"""The description of a dataset for the registered search spaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Target = Literal["sparse", "one_hot", "binary", "multi_label", "regression"]


@dataclass(frozen=True)
class InputSpec:
    """An input array, and the statistics of its training rows for preprocessing layers.

    The statistics are computed once, when the dataset is loaded: trials do not adapt layers.

    Attributes:
        shape: without the batch axis: ``(28, 28)`` for images, ``(8,)`` for a table of eight columns.
        dtype: of the array: ``"uint8"``, ``"int64"``, ``"float32"``, …, or ``"string"`` for text.
        mean, variance: one number per column (last axis) over the training rows, without missing values (NaN); only
            for numbers of shape ``(columns,)``, otherwise None. They take precedence over `high`.
        high: the value that is scaled to 1, for integer inputs and float images (255 for uint8 images).
        vocabulary: the distinct texts of the training rows, sorted, of many the most frequent; only for dtype
            ``"string"``.
        periods: of a date, whose values are days: the cycles, in days, of which the phase is a feature.
    """

    shape: tuple[int, ...]
    dtype: str
    mean: tuple[float, ...] | None = None
    variance: tuple[float, ...] | None = None
    high: float | None = None
    vocabulary: tuple[str, ...] | None = None
    periods: tuple[float, ...] | None = None


@dataclass(frozen=True)
class DataSpec:
    """The inputs and the target of a dataset.

    Attributes:
        inputs: an array without missing values; or a dictionary of columns, float or text of shape (1,), in which NaN
            stands for the column's mean.
        target: ``"sparse"`` (class indices, (n,)), ``"one_hot"`` (n, classes), ``"binary"`` (0 or 1, (n,)),
            ``"multi_label"`` (0 and 1, (n, labels)), or ``"regression"`` (floats, (n,) or (n, columns)).
        n_outputs: the number of classes, labels or regression columns; 1 for binary.
        labels: the class names in the order of their indices, or None.
        target_mean, target_variance: one number per column of a regression target over the training rows, or None.
            With them, the model learns a standardized target and predicts in the target's own units.
        metrics: names of additional metrics, see `search_spaces.metrics`. With any, the target has columns,
            (n, outputs), and is not "sparse".
    """

    inputs: InputSpec | Mapping[str, InputSpec]
    target: Target
    n_outputs: int
    labels: tuple[str, ...] | None = None
    target_mean: tuple[float, ...] | None = None
    target_variance: tuple[float, ...] | None = None
    metrics: tuple[str, ...] = ()

    def get_config(self) -> dict[str, Any]:
        """The spec as JSON values."""
        return {**asdict(self), "named": isinstance(self.inputs, Mapping)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> DataSpec:
        """The spec from the result of `get_config`."""
        fields = {name: _tuple(value) for name, value in config.items() if name != "named"}
        inputs = config["inputs"]
        named = {name: _input_spec(column) for name, column in inputs.items()} if config["named"] else None
        return cls(**(fields | {"inputs": named or _input_spec(inputs)}))

    def __hash__(self) -> int:
        inputs = tuple(self.inputs.items()) if isinstance(self.inputs, Mapping) else self.inputs
        return hash((inputs, self.target, self.n_outputs, self.labels, self.target_mean, self.target_variance))


def _input_spec(config: Mapping[str, Any]) -> InputSpec:
    return InputSpec(**{name: _tuple(value) for name, value in config.items()})


def _tuple(value: Any) -> Any:
    """A tuple for a list, since JSON has no tuples."""
    return tuple(value) if isinstance(value, list) else value
