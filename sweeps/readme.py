"""The README of an export: how to call the model, whoever finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweeps.selection import Best

if TYPE_CHECKING:
    from sweeps.signature import Signature


def readme(best: Best, signature: Signature, labels: list[str] | None, own_classes: list[str], space: str) -> str:
    """The text of README.md.

    Args:
        best: the trial that the model is from.
        signature: what the model takes and gives.
        labels: the classes' names, None for a regression.
        own_classes: classes that must be imported before the model is loaded, as MODULE.CLASS.
        space: the name of the search space.
    """
    what = "probabilities, one a class in the order of labels.json" if labels else "the predicted numbers"
    if len(signature.outputs) > 1:
        names = [entry["name"] for entry in signature.outputs]
        main = 'under "output"' if "output" in names else f'as its first output, "{names[0]}"'
        what += f", {main}; its other outputs served the training"
    makes = _columns(signature) if signature.named else ""
    return f"""# {best.study}

The best model of study `{best.study}`: trial {best.trial}, epoch {best.epoch}, {best.objective} {best.value:.4f}.
It takes raw input, {_takes(signature)}. It gives {what}.

In Python with Keras{"" if own_classes else " alone"}:

```python
import keras
{_imports(own_classes, space)}model = keras.saving.load_model("model.keras")  # compiled; evaluate(x, y) works
{makes}answer = model.predict(x)
```

As a TensorFlow SavedModel, for TensorFlow Serving (`tensorflow_model_server --model_base_path=…`) or TensorFlow alone:

```python
import tensorflow as tf
loaded = tf.saved_model.load("saved_model")  # keep this reference
answer = loaded.serve(x)
```

| file | what it holds |
|---|---|
| model.keras | architecture, weights, optimizer state |
| saved_model/ | the same as a TensorFlow graph, to serve |
| labels.json | class names in the order of the outputs (null for a regression) |
| params.json | the hyperparameters |
| manifest.json | where it comes from, versions, SHA-256 of every file |
"""


def _takes(signature: Signature) -> str:
    if signature.named:
        return (
            "a dictionary of columns, each of shape (n, 1); numbers that are missing are NaN, texts that are missing "
            'are ""; what replaces them, and all scaling, is part of the model'
        )
    entry = signature.inputs[0]
    return f"shape (n, {', '.join(map(str, entry['shape'][1:]))}) of {entry['dtype']}; scaling is part of the model"


def _imports(own_classes: list[str], space: str) -> str:
    if not own_classes:
        return ""
    if all(name.startswith("search_spaces.") for name in own_classes):
        return "import search_spaces.registry  # of keras-sweeps: the model's class\n"
    classes = ", ".join(name.rpartition(".")[2] for name in own_classes)
    return f"# first import what defines {classes}: it came from the space {space}\n"


def _columns(signature: Signature) -> str:
    """How a table becomes what the model takes: tensors, since Keras takes text in no other form."""
    lines = [f'    "{entry["name"]}": "{entry["dtype"]}",' for entry in signature.inputs]
    return "\n".join(
        [
            "",
            "import pandas as pd",
            "import tensorflow as tf",
            "",
            "columns = {",
            *lines,
            "}",
            'table = pd.read_csv("rows.csv")  # the columns of the training data',
            "x = {",
            "    name: tf.constant(",
            '        table[[name]].fillna("").to_numpy(str) if dtype == "string" else table[[name]].to_numpy(dtype)',
            "    )",
            "    for name, dtype in columns.items()",
            "}",
            "",
        ]
    )
