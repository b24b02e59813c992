"""ONNX files of Keras models, by tf2onnx.

Keras's own `export(format="onnx")` calls tf2onnx, too. Here its graph is frozen first: otherwise what a `Normalization`
has adapted to, tensors that are no variables, becomes inputs of the ONNX graph. And the exact GELU is converted, of
which TensorFlow makes an operation (`Erfc`) that tf2onnx does not know.
"""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.model.signature import Signature


def write_onnx(model: Any, path: Path, signature: Signature) -> None:
    """Write a model as an ONNX file, whose inputs have the names that its SavedModel's have, and outputs their own.

    Raises:
        Exception: an operation is unknown to tf2onnx, or to ONNX.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx
    from keras.src.export.tf2onnx_lib import patch_tf2onnx
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    patch_tf2onnx()  # for NumPy 2
    _know_erfc()
    call = tf.function(lambda rows: model(rows, training=False), input_signature=[signature.specs()])
    frozen = convert_variables_to_constants_v2(call.get_concrete_function(), lower_control_flow=False)
    inputs, outputs = ([tensor.name for tensor in tensors] for tensors in (frozen.inputs, frozen.outputs))
    renamed = {name: name.removesuffix(":0") for name in inputs}
    renamed |= _output_names(outputs, signature, set(renamed.values()))
    graph, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(), input_names=inputs, output_names=outputs, tensors_to_rename=renamed
    )
    onnx.checker.check_model(graph, full_check=True)
    path.write_bytes(graph.SerializeToString())


def _output_names(tensors: list[str], signature: Signature, taken: set[str]) -> dict[str, str]:
    """What the tensors of the outputs are called: in the order of `keras.tree.flatten`, which sorts a dictionary's."""
    names = [str(entry["name"]) for entry in signature.outputs]
    names = sorted(names) if signature.named_outputs else names
    is_unique = len({*names, *taken}) == len(names) + len(taken) and len(set(tensors)) == len(names)
    return dict(zip(tensors, names, strict=True)) if is_unique else {}


@functools.cache
def _know_erfc() -> None:
    from tf2onnx.handler import tf_op
    from tf2onnx.utils import make_name, map_onnx_to_numpy_type

    @tf_op("Erfc")
    class Erfc:
        @classmethod
        def version_9(cls, ctx: Any, node: Any, **kwargs: Any) -> None:
            output, shape, dtype = node.output[0], ctx.get_shape(node.output[0]), ctx.get_dtype(node.output[0])
            erf = ctx.make_node("Erf", [node.input[0]], shapes=[shape], dtypes=[dtype])
            one = ctx.make_const(make_name("one"), np.array(1, map_onnx_to_numpy_type(dtype)))
            ctx.remove_node(node.name)
            ctx.make_node("Sub", [one.output[0], erf.output[0]], outputs=[output], shapes=[shape], dtypes=[dtype])
