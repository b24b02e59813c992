"""The meaning of a model's main output, derived from its loss and its last activation.

| loss                          | meaning of the output                                                |
|-------------------------------|----------------------------------------------------------------------|
| binary crossentropies         | probabilities, or their logits (`from_logits`)                       |
| (sparse) categorical ones, KL | class probabilities, or their logits (`from_logits`)                 |
| hinge, squared hinge          | margins, unless the activation yields probabilities                  |
| categorical hinge             | class scores, unless the activation yields probabilities             |
| mean squared error, Poisson … | numbers; for a target of classes as the activation says              |
| any other, or none            | as the activation says, otherwise unknown                            |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras.src.losses.losses import LossFunctionWrapper
from keras.src.ops.nn import LogSoftmax, Sigmoid, Softmax

from sweeps.model.outputs import Head, Meaning, prediction_kind
from sweeps.model.signature import Signature

#: Keras's loss functions by the meaning that they assume of an output
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
    getattr(module, name): name
    for module in (keras.activations, keras.ops)
    for name in ("softmax", "log_softmax", "sigmoid")
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
#: layers that do not change the meaning of an output
_NEUTRAL = (
    *(keras.layers.Identity, keras.layers.Dropout, keras.layers.Flatten, keras.layers.Reshape),
    *(keras.layers.ActivityRegularization, keras.layers.GaussianNoise, keras.layers.GaussianDropout),
)


def class_names(data: Mapping[str, Any]) -> list[str] | None:
    """The names of the classes by a study's description of its data; None where there are no classes."""
    return data["labels"] if len(data["labels"] or ()) > 1 else None


def head_of(model: Any, signature: Signature, target: str, labels: Sequence[str] | None) -> Head:
    """The meaning of the model's main output, which is the one named "output", or the first.

    Args:
        model: a compiled Keras model.
        signature: its inputs and outputs.
        target: the kind of the study's target, see `DataSpec`.
        labels: the class names; None where there are no classes.
    """
    names = [entry["name"] for entry in signature.outputs]
    index = names.index("output") if signature.named_outputs and "output" in names else 0
    loss = _loss_of(model, names, index)
    kind, from_logits = kind_of_loss(loss)
    outputs = getattr(model, "_outputs_struct", getattr(model, "outputs", None))
    tensors = list(outputs.values()) if isinstance(outputs, dict) else keras.tree.flatten(outputs)
    activation = _activation_of(tensors[index]) if outputs is not None else None
    # without classes, the outputs are numbers whatever the activation
    meaning = "numbers" if kind == "numbers" and labels is None else _meaning(kind, from_logits, activation)
    kind_of_prediction = prediction_kind(meaning, signature.outputs[index]["shape"], target, labels, kind == "sparse")
    reason = f"loss {name_of_loss(loss)}{' of logits' if from_logits else ''}"
    reason += f", last activation {activation}" if activation else ""
    return Head(names[index] if signature.named_outputs else None, meaning, kind_of_prediction, reason)


def _meaning(kind: str | None, from_logits: bool, activation: str | None) -> Meaning:
    # where the loss needs logits, Keras takes those of a softmax or sigmoid, with a warning
    if from_logits and activation not in ("softmax", "sigmoid"):
        return "logits" if kind == "binary" else "class_logits"
    if kind == "hinge" and activation == "sigmoid":
        return "unknown"  # never negative, which would be the first class
    if kind in ("categorical", "sparse"):
        return "class_probabilities"
    return _BY_ACTIVATION.get(activation) or _BY_LOSS.get(kind, "unknown")


def _loss_of(model: Any, names: Sequence[str], index: int) -> Any:
    """The loss that the model was compiled with for an output."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, Mapping):
        return loss.get(names[index]) if len(loss) > 1 or len(names) > 1 else next(iter(loss.values()), None)
    if isinstance(loss, list | tuple):
        return loss[index] if index < len(loss) else None
    return loss


def kind_of_loss(loss: Any) -> tuple[str | None, bool]:
    """The meaning that a loss assumes, a key of `_LOSSES` or None, and whether of logits. Only Keras's are known."""
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
    """The name of the last activation if it is a softmax, log-softmax or sigmoid."""
    operation, node, index = tensor._keras_history
    if isinstance(operation, keras.Model):
        inner = getattr(operation, "outputs", None)
        return _activation_of(inner[index]) if inner else None
    if name := _named_activation(operation, len(tensor.shape)):
        return name
    activation = getattr(operation, "activation", None)
    is_neutral = type(operation) in _NEUTRAL or (
        type(operation) is keras.layers.Activation and activation is keras.activations.linear
    )
    if is_neutral:
        return _activation_of(operation._inbound_nodes[node].input_tensors[0])
    if isinstance(operation, keras.layers.RNN) or not type(operation).__module__.startswith("keras."):
        return None  # its use of an activation is not known
    return _named_activation(activation, len(tensor.shape))


def _named_activation(activation: Any, rank: int) -> str | None:
    """The name of a function, operation or layer that works on the last axis."""
    try:
        name = _ACTIVATIONS.get(activation) or _OPERATIONS.get(type(activation))
    except TypeError:  # not hashable
        return None
    return name if getattr(activation, "axis", None) in (None, -1, rank - 1) else None


def name_of_loss(loss: Any) -> str:
    """The name of a loss for messages."""
    if loss is None:
        return "none"
    return loss if isinstance(loss, str) else getattr(loss, "__name__", None) or type(loss).__name__
