"""What a model's main output means, read from the model: its loss and its last activation.

| loss                          | meaning of the output                                                |
|-------------------------------|----------------------------------------------------------------------|
| binary crossentropies         | probabilities, or their logits (`from_logits`)                       |
| (sparse) categorical ones, KL | class probabilities, or their logits (`from_logits`)                 |
| hinge, squared hinge          | margins, unless the activation gives probabilities                   |
| categorical hinge             | class scores, unless the activation gives probabilities              |
| mean squared error, Poisson … | numbers; of a target of classes probabilities, by the activation     |
| any other, or none            | probabilities, by the activation; otherwise unknown                  |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras.src.losses.losses import LossFunctionWrapper
from keras.src.ops.nn import LogSoftmax, Sigmoid, Softmax

from sweeps.model.outputs import Head, Meaning, given
from sweeps.model.signature import Signature

#: Keras's loss functions by what they take an output for
_LOSSES: dict[str, tuple[str, ...]] = {
    "binary": ("binary_crossentropy", "binary_focal_crossentropy"),
    "categorical": ("categorical_crossentropy", "categorical_focal_crossentropy", "kl_divergence"),
    "sparse": ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy"),
    "hinge": ("hinge", "squared_hinge"),
    "categorical_hinge": ("categorical_hinge",),
    "numbers": (
        *("mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "huber", "log_cosh"),
        *("mean_squared_logarithmic_error", "poisson", "cosine_similarity"),
    ),
}
_KINDS = {getattr(keras.losses, name): kind for kind, names in _LOSSES.items() for name in names}
_ACTIVATIONS = {
    keras.activations.softmax: "softmax",
    keras.ops.softmax: "softmax",
    keras.activations.log_softmax: "log_softmax",
    keras.ops.log_softmax: "log_softmax",
    keras.activations.sigmoid: "sigmoid",
    keras.ops.sigmoid: "sigmoid",
}
_OPERATIONS = {Softmax: "softmax", keras.layers.Softmax: "softmax", LogSoftmax: "log_softmax", Sigmoid: "sigmoid"}
_BY_ACTIVATION: dict[str | None, Meaning] = {
    "softmax": "class_probabilities",
    "log_softmax": "class_logits",
    "sigmoid": "probabilities",
}
_BY_LOSS: dict[str | None, Meaning] = {
    "binary": "probabilities",
    "hinge": "margins",
    "categorical_hinge": "class_scores",
    "numbers": "numbers",
}
#: layers that hand an output on as it is
_PASSING = (
    *(keras.layers.Identity, keras.layers.Dropout, keras.layers.Flatten, keras.layers.Reshape),
    *(keras.layers.ActivityRegularization, keras.layers.GaussianNoise, keras.layers.GaussianDropout),
)


def head_of(model: Any, signature: Signature, target: str, labels: Sequence[str] | None) -> Head:
    """What a prediction makes of the model's main output: the one called "output", or the first.

    Args:
        target, labels: what the study tells of its data.
    """
    names = [entry["name"] for entry in signature.outputs]
    place = names.index("output") if signature.named_outputs and "output" in names else 0
    loss = _loss_of(model, names, place)
    kind, from_logits = kind_of_loss(loss)
    outputs = getattr(model, "_outputs_struct", getattr(model, "outputs", None))
    tensors = list(outputs.values()) if isinstance(outputs, dict) else keras.tree.flatten(outputs)
    activation = _activation_of(tensors[place]) if outputs is not None else None
    # of a target without classes the numbers are its own, whatever the activation
    meaning = "numbers" if kind == "numbers" and labels is None else _meaning(kind, from_logits, activation)
    what = given(meaning, signature.outputs[place]["shape"], target, labels, kind == "sparse")
    why = f"loss {name_of_loss(loss)}{' of logits' if from_logits else ''}"
    why += f", last activation {activation}" if activation else ""
    return Head(names[place] if signature.named_outputs else None, meaning, what, why)


def _meaning(kind: str | None, from_logits: bool, activation: str | None) -> Meaning:
    # Keras takes the logits out of a softmax or sigmoid, with a warning, where the loss wants logits
    if from_logits and activation not in ("softmax", "sigmoid"):
        return "logits" if kind == "binary" else "class_logits"
    if kind == "hinge" and activation == "sigmoid":
        return "unknown"  # never below zero, where the loss wants the first class
    if kind in ("categorical", "sparse"):
        return "class_probabilities"
    return _BY_ACTIVATION.get(activation) or _BY_LOSS.get(kind, "unknown")


def _loss_of(model: Any, names: Sequence[str], place: int) -> Any:
    """What the model was compiled with for that output."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, Mapping):
        return loss.get(names[place]) if len(loss) > 1 or len(names) > 1 else next(iter(loss.values()), None)
    if isinstance(loss, list | tuple):
        return loss[place] if place < len(loss) else None
    return loss


def kind_of_loss(loss: Any) -> tuple[str | None, bool]:
    """What the loss takes an output for, and whether for logits. Only Keras's own are known."""
    options: Mapping[str, Any] = {}
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:
            return None, False
    if isinstance(loss, LossFunctionWrapper) and type(loss).call is LossFunctionWrapper.call:
        loss, options = loss.fn, loss._fn_kwargs
    try:
        kind = _KINDS.get(loss)
    except TypeError:  # not hashable
        return None, False
    return kind, kind is not None and bool(options.get("from_logits", False))


def _activation_of(tensor: Any) -> str | None:
    """The last activation by its name, where it is one that gives probabilities."""
    operation, node, place = tensor._keras_history
    if isinstance(operation, keras.Model):
        inner = getattr(operation, "outputs", None)
        return _activation_of(inner[place]) if inner else None
    if found := _named_activation(operation, len(tensor.shape)):
        return found
    activation = getattr(operation, "activation", None)
    hands_on = type(operation) in _PASSING or (
        type(operation) is keras.layers.Activation and activation is keras.activations.linear
    )
    if hands_on:
        return _activation_of(operation._inbound_nodes[node].input_tensors[0])
    if isinstance(operation, keras.layers.RNN) or not type(operation).__module__.startswith("keras."):
        return None  # what it does with its activation is not known
    return _named_activation(activation, len(tensor.shape))


def _named_activation(activation: Any, rank: int) -> str | None:
    """Of a function, an operation or a layer; of the last axis."""
    try:
        name = _ACTIVATIONS.get(activation) or _OPERATIONS.get(type(activation))
    except TypeError:  # not hashable
        return None
    return name if getattr(activation, "axis", None) in (None, -1, rank - 1) else None


def name_of_loss(loss: Any) -> str:
    if loss is None:
        return "none"
    return loss if isinstance(loss, str) else getattr(loss, "__name__", None) or type(loss).__name__
