"""What the data asks of a model: the only thing that a registered search space is told about a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Target = Literal["sparse", "one_hot", "binary", "multi_label", "regression"]


@dataclass(frozen=True)
class InputSpec:
    """One input array, and the statistics of its training rows that preprocessing inside the model needs.

    The statistics are taken once, when the dataset is loaded: no trial adapts a layer of its own.

    Attributes:
        shape: without the batch axis: ``(28, 28)`` for images, ``(8,)`` for a table of eight columns.
        dtype: of the array as it is fed: ``"uint8"``, ``"int64"``, ``"float32"``, …, or ``"string"`` for
            text.
        mean, variance: one number a column (last axis) over the training rows, missing values (NaN) left out;
            only for numbers of shape ``(columns,)``, otherwise None. They win over `high`.
        high: the value that scales to 1, for integer inputs and for float images (255 for uint8 images).
        vocabulary: the distinct texts of the training rows, sorted; only for dtype ``"string"``.
    """

    shape: tuple[int, ...]
    dtype: str
    mean: tuple[float, ...] | None = None
    variance: tuple[float, ...] | None = None
    high: float | None = None
    vocabulary: tuple[str, ...] | None = None


@dataclass(frozen=True)
class DataSpec:
    """The inputs and the target of a dataset.

    Attributes:
        inputs: one array without missing values; or a dictionary of named columns, float or text of shape
            (1,), in which a NaN is read as the column's mean.
        target: ``"sparse"`` (class indices, shape (n,)), ``"one_hot"`` (n, classes), ``"binary"`` (0 or 1,
            (n,)), ``"multi_label"`` (n, labels) of 0 and 1, or ``"regression"`` (n,) or (n, columns) of
            floats.
        n_outputs: the classes; 1 for binary; the labels for multi-label; the columns for regression.
        labels: the classes' names in the order of their indices, or None.
        target_mean, target_variance: one number a column of a regression target over the training rows, or
            None; given, the model learns on the scale of one and still predicts in the target's own units.
        metrics: names of `search_spaces.metrics` that are asked for beside the target's own. With any, the target
            comes as columns (n, outputs), and "sparse" it is not.
    """

    inputs: InputSpec | Mapping[str, InputSpec]
    target: Target
    n_outputs: int
    labels: tuple[str, ...] | None = None
    target_mean: tuple[float, ...] | None = None
    target_variance: tuple[float, ...] | None = None
    metrics: tuple[str, ...] = ()

    def get_config(self) -> dict[str, Any]:
        """Plain values, which JSON can hold."""
        return {**asdict(self), "named": isinstance(self.inputs, Mapping)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> DataSpec:
        """The spec that `get_config` was asked of."""
        fields = {name: _tuple(value) for name, value in config.items() if name != "named"}
        inputs = config["inputs"]
        if config["named"]:
            fields["inputs"] = {name: _input_spec(column) for name, column in inputs.items()}
        else:
            fields["inputs"] = _input_spec(inputs)
        return cls(**fields)

    def __hash__(self) -> int:
        inputs = tuple(self.inputs.items()) if isinstance(self.inputs, Mapping) else self.inputs
        return hash((inputs, self.target, self.n_outputs, self.labels, self.target_mean, self.target_variance))


def _input_spec(config: Mapping[str, Any]) -> InputSpec:
    return InputSpec(**{name: _tuple(value) for name, value in config.items()})


def _tuple(value: Any) -> Any:
    """JSON has lists only."""
    return tuple(value) if isinstance(value, list) else value
