"""What runs in a clean process: a model as it was exported, loaded by its format's own runtime, answers some rows.

A request, a line of JSON, is read from standard input: the model's `file`, the file of its `rows`, and how it takes
them. The model's outputs are written to the file `answers`; a line of JSON on standard output names the runtime with
its version, or the `error`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

Arrays = Sequence[Any]
Request = Mapping[str, Any]
#: the answers, and the names of the model's inputs and outputs in its format
Answered = tuple[Sequence[Any], Mapping[str, Any]]
Answer = Callable[[Request, Arrays], Answered]


def main() -> None:
    """Load the runtime, then answer requests until there are no more."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever libraries print
    label, answer = RUNTIMES[sys.argv[1]]()  # while the model is still being written
    for line in sys.stdin:
        try:
            told = {"runtime": label, **_answered(json.loads(line), answer)}
        except Exception as error:  # of any runtime
            told = {"error": " ".join(str(error).split())[:300] or type(error).__name__}
        print(json.dumps(told), file=out, flush=True)


def _answered(request: Request, answer: Answer) -> Mapping[str, Any]:
    os.chdir(request["directory"])
    with np.load(request["rows"], allow_pickle=False) as stored:
        rows = [stored[f"arr_{index}"] for index in range(len(stored.files))]
    outputs, names = answer(request, rows)
    np.savez(request["answers"], *outputs)
    return names


def _structured(request: Request, rows: Arrays) -> Any:
    """The rows as the model was given them in training: a dictionary, a list, or one array."""
    if request["structure"] == "dictionary":
        return dict(zip(request["inputs"], rows, strict=True))
    return list(rows) if request["structure"] == "list" else rows[0]


def _names(request: Request, known: Collection[str]) -> dict[str, str]:
    """The model's inputs and their names in the format, without those that no output depends on."""
    pairs = zip(request["inputs"], request["served"], strict=True)
    return {name: served for name, served in pairs if served in known}


def _keras() -> tuple[str, Answer]:
    from sweeps.system.import_keras import import_keras

    keras = import_keras()

    def answer(request: Request, rows: Arrays) -> Answered:
        import base64
        import pickle
        from pathlib import Path

        from sweeps.export.keras_file import load_keras_file
        from sweeps.training import as_tensors

        sys.path[:] = request["path"]  # where the code of the space is imported from
        packed = pickle.loads(base64.b64decode(request["space"]))  # from the process that started this one
        space = request["space_name"] or packed.open()
        model = load_keras_file(Path(request["file"]), request["study"], space)
        outputs = keras.tree.flatten(model(as_tensors(_structured(request, rows)), training=False))
        return [keras.ops.convert_to_numpy(keras.ops.cast(output, "float32")) for output in outputs], {}

    return f"keras {keras.__version__}", answer


def _tensorflow() -> tuple[str, Answer]:
    import tensorflow as tf

    def answer(request: Request, rows: Arrays) -> Answered:
        tensors = [
            tf.constant(array) if dtype == "string" else tf.cast(array, dtype)
            for array, dtype in zip(rows, request["dtypes"], strict=True)
        ]
        loaded = tf.saved_model.load(request["file"])
        outputs = tf.nest.flatten(loaded.serve(_structured(request, tensors)))
        return [tf.cast(output, tf.float32).numpy() for output in outputs], {}

    return f"tensorflow {tf.__version__}", answer


def _onnxruntime() -> tuple[str, Answer]:
    import onnxruntime

    def answer(request: Request, rows: Arrays) -> Answered:
        session = onnxruntime.InferenceSession(request["file"], providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_inputs()]
        given = dict(zip(request["served"], rows, strict=True))
        outputs = session.run(None, {name: given[name] for name in names})
        return outputs, {
            "inputs": _names(request, names),
            "outputs": [each.name for each in session.get_outputs()],
        }

    return f"onnxruntime {onnxruntime.__version__}", answer


def _litert() -> tuple[str, Answer]:
    from ai_edge_litert.interpreter import Interpreter

    def answer(request: Request, rows: Arrays) -> Answered:
        run = Interpreter(model_path=request["file"]).get_signature_runner("serving_default")
        names = run.get_input_details()
        given = dict(zip(request["served"], rows, strict=True))
        outputs = run(**{name: given[name] for name in names})
        # a dictionary's are ordered by their names, a list's are output_0, output_1, …
        ordered = sorted(outputs, key=str if request["named_outputs"] else lambda name: int(name.rpartition("_")[2]))
        return [outputs[name] for name in ordered], {"inputs": _names(request, names), "outputs": ordered}

    return f"ai-edge-litert {version('ai-edge-litert')}", answer


#: by the format's name: loads the runtime; returns its name and what answers
RUNTIMES: Mapping[str, Callable[[], tuple[str, Answer]]] = {
    "keras": _keras,
    "savedmodel": _tensorflow,
    "onnx": _onnxruntime,
    "litert": _litert,
}

if __name__ == "__main__":
    main()
