"""What an output of a model means, and a prediction made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Meaning = Literal[
    "class_probabilities",  # one column a class, together 1: softmax
    "class_logits",  # softmax makes probabilities of them
    "class_scores",  # the highest is the class's
    "probabilities",  # each column for itself: sigmoid; an only one is the second class's
    "logits",  # sigmoid makes probabilities of them
    "margins",  # above zero is the second class: hinge losses
    "numbers",
    "unknown",
]
#: the key of a prediction
Gives = Literal["class", "labels", "value", "raw"]
#: the classes of a hinge loss
_SIGNS = ("-1", "1")


@dataclass(frozen=True)
class Head:
    """A model's main output.

    Attributes:
        output: its name; None: the model has one only.
        meaning: of its numbers.
        gives: what a prediction makes of them.
        why: what says so: the loss and the last activation.
    """

    output: str | None
    meaning: Meaning
    gives: Gives
    why: str

    def rows(self, answer: Any, labels: Sequence[str] | None) -> list[dict[str, Any]]:
        """A prediction for each row.

        Args:
            answer: what the model gives, as `model.predict` returns it.
            labels: the classes' names, in the order of the target's indices.
        """
        numbers = np.asarray(self._main(answer)).astype(np.float64)
        if self.gives == "raw":
            return [{"raw": _rounded(row, 6)} for row in numbers]
        numbers = _TRANSFORMS.get(self.meaning, np.asarray)(numbers)
        if self.gives == "value":
            return [{"value": _rounded(row, 6)} for row in numbers]
        numbers = numbers.reshape(len(numbers), -1)
        if self.gives == "labels":
            names = labels or ()
            return [{"labels": {name: _rounded(p, 4) for name, p in zip(names, row, strict=True)}} for row in numbers]
        return [self._class(row, labels) for row in numbers]

    def _main(self, answer: Any) -> Any:
        if self.output is None:
            return answer[0] if isinstance(answer, list | tuple) else answer
        return answer[self.output]

    def _class(self, row: Any, labels: Sequence[str] | None) -> dict[str, Any]:
        if len(row) == 1:
            labels = labels or _SIGNS
            row = np.array([-row[0], row[0]] if self.meaning == "margins" else [1 - row[0], row[0]])
        index = int(np.argmax(row))
        what = "score" if self.meaning in ("margins", "class_scores") else "probability"
        return {"class": _name(index, labels), what: _rounded(row[index], 4)}


def given(
    meaning: Meaning, shape: Sequence[int | None], target: str, labels: Sequence[str] | None, sparse: bool
) -> Gives:
    """What a prediction makes of an output.

    Args:
        shape: of the output, rows first.
        target: the kind of the study's target, see `DataSpec`.
        labels: its classes' names; None where it has no classes.
        sparse: whether the loss takes class indices.
    """
    if meaning == "numbers":
        return "value"
    width = 1 if len(shape) == 1 else shape[1] or 0
    if meaning == "unknown" or len(shape) > 2:
        many = meaning.startswith("class_") or meaning == "margins" or (meaning == "unknown" and width != 1)
        return "raw" if many or labels is not None else "value"
    count = len(labels or ())
    is_score = meaning in ("class_scores", "margins")
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
    # of the negative magnitude, which does not overflow
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1, small) / (1 + small)


def _softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _shares(numbers: Any) -> Any:
    """As Keras's categorical losses read them, which changes nothing of a softmax."""
    positive = np.maximum(numbers, 1e-7)
    return positive / positive.sum(axis=-1, keepdims=True)


def _unit(numbers: Any) -> Any:
    """As Keras's binary losses read them, which changes nothing of a sigmoid."""
    return np.clip(numbers, 0, 1)


_TRANSFORMS: Mapping[str, Any] = {
    "class_probabilities": _shares,
    "class_logits": _softmax,
    "probabilities": _unit,
    "logits": _sigmoid,
}


def _rounded(values: Any, digits: int) -> Any:
    """A number, or numbers in lists; an only one without a list; None for those that JSON does not have."""
    rounded = np.round(np.asarray(values, np.float64), digits)
    plain = np.array(rounded, dtype=object)
    plain[~np.isfinite(rounded)] = None
    return plain.item() if plain.size == 1 else plain.tolist()
