"""The README of an export, which explains how to use the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeps.study import confirmation
from sweeps.study.results import Best

if TYPE_CHECKING:
    from sweeps.export.exported import Exported
    from sweeps.model.outputs import Head
    from sweeps.model.signature import Signature

_MEANINGS = {
    "class_probabilities": "probabilities",
    "class_logits": "logits; softmax gives probabilities",
    "class_scores": "scores; the highest one is the predicted class",
    "probabilities": "probabilities",
    "logits": "logits; the sigmoid function gives probabilities",
    "margins": "a margin, above 0 for the second class of labels.json",
    "numbers": "the predicted numbers",
    "unknown": "numbers of unknown meaning",
}


def readme(
    exported: Exported,
    signature: Signature,
    head: Head,
    custom_classes: list[str],
    space: str,
    labels: Sequence[str] | None,
    formats: Mapping[str, Mapping[str, Any]],
) -> str:
    """The text of README.md.

    Args:
        signature: the model's inputs and outputs.
        head: the meaning of its main output.
        custom_classes: classes that must be imported before the model is loaded, as MODULE.CLASS.
        space: the name of the search space.
        labels: the class names in the order of their indices.
        formats: what the manifest says of each.
    """
    best, ensemble, prepared = exported.best, exported.ensemble, exported.prepared is not None
    columns = signature.named and all(entry["shape"][1:] == [1] for entry in signature.inputs)
    read_table = _read_table(signature, exported.data.get("reading") or {}) if columns else ""
    if ensemble is None:
        what = f"A model of study `{best.study}`: {best.name}, epoch {best.epoch}, {_value(best)}.\n"
        what += confirmation.sentence(best.confirmation, best.study)
    else:
        what = f"A model of study `{best.study}`: {ensemble.name}, which averages what theirs predict."
    return f"""# {best.study}

{what}

Input: {_input(signature, columns, prepared)}. Output: {_output(signature, head, labels)}.

In Python with Keras{"" if custom_classes else " alone"}:

```python
import keras
{_imports(custom_classes, space)}model = keras.saving.load_model("model.keras")  # compiled; evaluate(x, y) works
{read_table}answer = model.predict(x)
```
{"".join(_RUNTIMES[name](signature, formats[name]) for name in formats if name in _RUNTIMES)}
| file | content |
|---|---|
{_files(formats)}
| labels.json | class names in the order of the outputs (null for a regression) |
| params.json | the hyperparameters |
| MODEL_CARD.md | data, split, search, winner, how good it is, limits |
| manifest.json | origin, versions, how the formats compare, SHA-256 of each file |
"""


_CONTENTS = {
    "keras": "architecture, weights, optimizer state",
    "savedmodel": "the same as a TensorFlow graph, for serving",
    "onnx": "the same as an ONNX graph",
    "litert": "the same for LiteRT (TensorFlow Lite)",
}


def _files(formats: Mapping[str, Mapping[str, Any]]) -> str:
    paths = {name: entry["path"] + "/" * (name == "savedmodel") for name, entry in formats.items()}
    return "\n".join(f"| {path} | {_CONTENTS[name]} |" for name, path in paths.items())


def _saved_model(signature: Signature, entry: Mapping[str, Any]) -> str:
    return f"""
As a TensorFlow SavedModel, for TensorFlow Serving (`tensorflow_model_server --model_base_path=…`) or TensorFlow alone:

```python
import tensorflow as tf
loaded = tf.saved_model.load("saved_model")  # keep this reference
answer = loaded.serve(x)
```
{_served(signature)}"""


def _onnx(signature: Signature, entry: Mapping[str, Any]) -> str:
    return f"""
With ONNX Runtime, which needs neither Keras nor TensorFlow; `x` are NumPy arrays of the dtypes above:

```python
import onnxruntime
session = onnxruntime.InferenceSession("model.onnx")
answer, *others = session.run(None, {_fed(signature, entry)})
```
"""


def _litert(signature: Signature, entry: Mapping[str, Any]) -> str:
    return f"""
With LiteRT on a phone or a small device; in Python (`pip install ai-edge-litert`), `x` as for ONNX Runtime:

```python
from ai_edge_litert.interpreter import Interpreter
run = Interpreter("model.tflite").get_signature_runner("serving_default")
answer = run({_arguments(signature, entry)})
```
"""


_RUNTIMES = {"savedmodel": _saved_model, "onnx": _onnx, "litert": _litert}


def _pairs(signature: Signature, entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The name of each input in a format, and the expression that gives it."""
    names = [one["name"] for one in signature.inputs]
    served = entry.get("inputs", {name: signature.served_names[name] for name in names})
    if len(names) == 1 and not signature.named:
        return [(to, "x") for to in served.values()]
    keys = names if signature.named else list(range(len(names)))
    return [(served[name], f"x[{key!r}]") for name, key in zip(names, keys, strict=True) if name in served]


def _fed(signature: Signature, entry: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name!r}: {value}" for name, value in _pairs(signature, entry)) + "}"


def _arguments(signature: Signature, entry: Mapping[str, Any]) -> str:
    pairs = _pairs(signature, entry)
    if all(name.isidentifier() for name, _ in pairs):
        return ", ".join(f"{name}={value}" for name, value in pairs)
    return f"**{_fed(signature, entry)}"


def _value(best: Best) -> str:
    """The trial's value; of several models, which one this is."""
    value = f"{best.objective} {best.value:.4f}"
    if best.rounds is None:
        return value
    values = best.rounds["values"]
    *_, (name, of_this) = values.items()
    return f"{value}. This is the mean of {len(values)} models; the one here is of `{name}`, with {of_this:.4f}"


def _output(signature: Signature, head: Head, labels: Sequence[str] | None) -> str:
    outputs = {entry["name"]: entry["shape"] for entry in signature.outputs}
    name = head.output or next(iter(outputs))
    what = _MEANINGS[head.meaning]
    if head.gives == "labels" or (head.gives == "class" and outputs[name][1:] not in ([], [1])):
        what += f", one a {'class' if head.gives == 'class' else 'label'} in the order of labels.json"
    elif head.gives == "class" and head.meaning != "margins":
        what += f", of the class {labels[1]!r}, the second of labels.json" if labels else ", of the second class"
    what += f" ({head.why})"
    if len(outputs) > 1:
        main = f'under "{name}"' if head.output else f'as its first output, "{name}"'
        what += f", {main}; `sweeps predict` ignores the other outputs"
    return what


def _input(signature: Signature, columns: bool, prepared: bool) -> str:
    what = "the data as prepared by the space's `fit`" if prepared else "raw data"
    if columns:
        return (
            f"{what}, a dictionary of columns, each of shape (n, 1); missing numbers are NaN, missing texts are "
            '""; imputation and scaling are part of the model'
        )
    shapes = [
        f"shape ({', '.join(['n', *map(str, entry['shape'][1:])])}) of {entry['dtype']}" for entry in signature.inputs
    ]
    if signature.named or len(shapes) > 1:
        named = [f'"{entry["name"]}": {shape}' for entry, shape in zip(signature.inputs, shapes, strict=True)]
        shapes = [f"a {'dictionary' if signature.named else 'list'} of {', '.join(named)}"]
    return f"{what}, {shapes[0]}" + ("" if prepared else "; scaling is part of the model")


def _imports(custom_classes: list[str], space: str) -> str:
    if not custom_classes:
        return ""
    if all(name.startswith("search_spaces.") for name in custom_classes):
        return "import search_spaces.registry  # from keras-sweeps: defines the model's class\n"
    classes = ", ".join(name.rpartition(".")[2] for name in custom_classes)
    return f"# first import {classes}, defined with the space {space}\n"


def _read_table(signature: Signature, reading: Mapping[str, Any]) -> str:
    """Python code that reads a table as the model's input: tensors, since Keras takes text in no other form."""
    dtypes = "\n".join(f'    "{entry["name"]}": "{entry["dtype"]}",' for entry in signature.inputs)
    marks = ', sep=";", decimal=","' if reading.get("decimal") == "," else ""
    return f"""
import pandas as pd
import tensorflow as tf

columns = {{
{dtypes}
}}
table = pd.read_csv("rows.csv"{marks})  # the columns of the training data
{_read_dates(reading.get("dates", {}))}x = {{
    name: tf.constant(
        table[[name]].fillna("").to_numpy(str) if dtype == "string" else table[[name]].to_numpy(dtype)
    )
    for name, dtype in columns.items()
}}
"""


def _read_dates(dates: Mapping[str, str]) -> str:
    """Python code that makes days since 1970 of dates, as the model takes them."""
    if not dates:
        return ""
    return f"""for name, form in {dict(dates)!r}.items():
    dates = pd.to_datetime(table[name], format=form or None).dt.tz_localize(None)
    table[name] = (dates - pd.Timestamp(0)) / pd.Timedelta(days=1)  # the model takes days since 1970
"""


def _served(signature: Signature) -> str:
    """Which input of the SavedModel's signature is which column, where it could not keep the name."""
    others = [f"`{to}` is {name!r}" for name, to in signature.served_names.items() if to != name]
    return f"\nFor TensorFlow Serving, inputs have names of ASCII letters: {', '.join(others)}.\n" if others else ""
