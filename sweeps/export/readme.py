"""The README of an export: how to call the model, whoever finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweeps.study.results import Best

if TYPE_CHECKING:
    from sweeps.model.outputs import Head
    from sweeps.model.signature import Signature

_MEANINGS = {
    "class_probabilities": "probabilities",
    "class_logits": "logits, of which softmax makes probabilities",
    "class_scores": "scores, of which the highest is the answer",
    "probabilities": "probabilities",
    "logits": "logits, of which the sigmoid function makes probabilities",
    "margins": "a margin, above 0 for the second class of labels.json",
    "numbers": "the predicted numbers",
    "unknown": "numbers of which nothing more is known",
}


def readme(best: Best, signature: Signature, head: Head, own_classes: list[str], space: str, prepared: bool) -> str:
    """The text of README.md.

    Args:
        best: the trial that the model is from.
        signature: what the model takes and gives.
        head: what its main output means.
        own_classes: classes that must be imported before the model is loaded, as MODULE.CLASS.
        space: the name of the search space.
        prepared: whether the space's `fit` makes something else of the data before the model is trained.
    """
    columns = signature.named and all(entry["shape"][1:] == [1] for entry in signature.inputs)
    makes = _columns(signature) if columns else ""
    return f"""# {best.study}

The best model of study `{best.study}`: trial {best.trial}, epoch {best.epoch}, {best.objective} {best.value:.4f}.
It takes {_takes(signature, columns, prepared)}. It gives {_gives(signature, head)}.

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


def _gives(signature: Signature, head: Head) -> str:
    outputs = {entry["name"]: entry["shape"] for entry in signature.outputs}
    name = head.output or next(iter(outputs))
    what = _MEANINGS[head.meaning]
    if head.gives == "labels" or (head.gives == "class" and outputs[name][1:] not in ([], [1])):
        what += f", one a {'class' if head.gives == 'class' else 'label'} in the order of labels.json"
    elif head.gives == "class" and head.meaning != "margins":
        what += ", of the second class of labels.json"
    what += f" ({head.why})"
    if len(outputs) > 1:
        main = f'under "{name}"' if head.output else f'as its first output, "{name}"'
        what += f", {main}; predictions leave its other outputs out"
    return what


def _takes(signature: Signature, columns: bool, prepared: bool) -> str:
    what = "what the space's `fit` makes of the data" if prepared else "raw input"
    if columns:
        return (
            f"{what}, a dictionary of columns, each of shape (n, 1); numbers that are missing are NaN, texts that are "
            'missing are ""; what replaces them, and all scaling, is part of the model'
        )
    shapes = [
        f"shape ({', '.join(['n', *map(str, entry['shape'][1:])])}) of {entry['dtype']}" for entry in signature.inputs
    ]
    if signature.named or len(shapes) > 1:
        named = [f'"{entry["name"]}": {shape}' for entry, shape in zip(signature.inputs, shapes, strict=True)]
        shapes = [f"a {'dictionary' if signature.named else 'list'} of {', '.join(named)}"]
    return f"{what}, {shapes[0]}" + ("" if prepared else "; scaling is part of the model")


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
