"""The meaning of a model's output, and predictions from its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Meaning = Literal[
    "class_probabilities",  # a column per class, with the sum 1: softmax
    "class_logits",  # class probabilities before the softmax
    "class_scores",  # the highest is that of the predicted class
    "probabilities",  # independent columns: sigmoid; a single one is that of the second class
    "logits",  # probabilities before the sigmoid
    "margins",  # above zero for the second class: hinge losses
    "numbers",
    "unknown",
]
#: the key of a prediction in JSON
Gives = Literal["class", "labels", "value", "raw"]
#: meanings whose numbers are no probabilities
_SCORES = ("margins", "class_scores")
#: the classes of a hinge loss
_SIGNS = ("-1", "1")


@dataclass(frozen=True)
class Head:
    """A model's main output.

    Attributes:
        output: its name; None: there is no other.
        meaning: of its numbers.
        gives: the kind of prediction.
        why: the loss and the last activation that the meaning was derived from.
    """

    output: str | None
    meaning: Meaning
    gives: Gives
    why: str

    def takes_threshold(self, labels: Sequence[str] | None) -> bool:
        """Whether a threshold decides: for labels, and for two classes with probabilities."""
        two_classes = self.gives == "class" and len(labels or ()) == 2
        return self.gives == "labels" or (two_classes and self.meaning not in _SCORES)

    def rows(self, outputs: Any, labels: Sequence[str] | None, threshold: float | None = None) -> list[dict[str, Any]]:
        """A prediction for each row, as JSON values.

        Args:
            outputs: the result of `model.predict`.
            labels: the class names in the order of their indices.
            threshold: the least probability of the second of two classes, or of a label, that chooses it; see
                `takes_threshold`. None: the more probable class, and labels without a choice.
        """
        numbers = np.asarray(self.main(outputs)).astype(np.float64)
        if self.gives == "raw":
            return [{"raw": _rounded(row, 6)} for row in numbers]
        numbers = _TRANSFORMS.get(self.meaning, np.asarray)(numbers)
        if self.gives == "value":
            return [{"value": _rounded(row, 6)} for row in numbers]
        numbers = numbers.reshape(len(numbers), -1)
        if self.gives == "labels":
            return [_labels(row, labels or (), threshold) for row in numbers]
        return [self._class(row, labels, threshold) for row in numbers]

    def main(self, outputs: Any) -> Any:
        """This output of all that the model gives."""
        if self.output is None:
            return outputs[0] if isinstance(outputs, list | tuple) else outputs
        return outputs[self.output]

    def _class(self, row: Any, labels: Sequence[str] | None, threshold: float | None) -> dict[str, Any]:
        if len(row) == 1:
            labels = labels or _SIGNS
            row = np.array([-row[0], row[0]] if self.meaning == "margins" else [1 - row[0], row[0]])
        index = int(np.argmax(row) if threshold is None else row[1] >= threshold)
        if self.meaning in _SCORES:
            return {"class": _name(index, labels), "score": _rounded(row[index], 4)}
        probabilities = {_name(i, labels): _rounded(p, 6) for i, p in enumerate(row)}
        return {"class": _name(index, labels), "probability": _rounded(row[index], 4), "probabilities": probabilities}


def _labels(row: Any, names: Sequence[str], threshold: float | None) -> dict[str, Any]:
    probabilities = {name: _rounded(p, 4) for name, p in zip(names, row, strict=True)}
    if threshold is None:
        return {"labels": probabilities}
    chosen = [name for name, p in zip(names, row, strict=True) if p >= threshold]
    return {"labels": probabilities, "chosen": chosen}


def prediction_kind(
    meaning: Meaning, shape: Sequence[int | None], target: str, labels: Sequence[str] | None, sparse: bool
) -> Gives:
    """The kind of prediction from an output.

    Args:
        meaning: of the output.
        shape: of the output, rows first.
        target: the kind of the study's target, see `DataSpec`.
        labels: the class names; None where there are no classes.
        sparse: whether the loss takes class indices.
    """
    if meaning == "numbers":
        return "value"
    width = 1 if len(shape) == 1 else shape[1] or 0
    if meaning == "unknown" or len(shape) > 2:
        is_vector = meaning.startswith("class_") or meaning == "margins" or (meaning == "unknown" and width != 1)
        return "raw" if is_vector or labels is not None else "value"
    count = len(labels or ())
    is_score = meaning in _SCORES
    if target == "multi_label" and labels is not None:
        return "raw" if is_score or count != width else "labels"
    if meaning.startswith("class_"):
        if labels is None and not sparse:
            return "raw" if is_score else "value"
        return "class" if width > 1 and count <= width else "raw"
    if labels is None:
        return "value" if not is_score else "class" if width == 1 else "raw"
    return "class" if count == (2 if width == 1 else width) else "raw"


def _name(index: int, labels: Sequence[str] | None) -> str:
    if labels is None:
        return str(index)
    return labels[index] if index < len(labels) else f"output {index}"


def _sigmoid(logits: Any) -> Any:
    power = np.exp(-np.abs(logits))  # does not overflow
    return np.where(logits >= 0, 1, power) / (1 + power)


def _softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _normalized(numbers: Any) -> Any:
    """Probabilities as Keras's categorical losses normalize them; those of a softmax do not change."""
    positive = np.maximum(numbers, 1e-7)
    return positive / positive.sum(axis=-1, keepdims=True)


_TRANSFORMS: Mapping[str, Any] = {
    "class_probabilities": _normalized,
    "class_logits": _softmax,
    "probabilities": lambda numbers: np.clip(numbers, 0, 1),  # as Keras's binary losses do
    "logits": _sigmoid,
}


def _rounded(values: Any, digits: int) -> Any:
    """A number or nested lists; a single number without a list, and None for NaN and infinity, which JSON lacks."""
    rounded = np.round(np.asarray(values, np.float64), digits)
    plain = np.array(rounded, dtype=object)
    plain[~np.isfinite(rounded)] = None
    return plain.item() if plain.size == 1 else plain.tolist()
