"""The best model of a study as files that need nothing of this project."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sweeps import selection, workspace
from sweeps.errors import InputError
from sweeps.files import new_folder, sha256, write_json
from sweeps.quiet import import_keras
from sweeps.selection import Best
from sweeps.study import DATA, IDENTITY


def export_best(study: str, force: bool = False) -> str:
    """Write `exports/STUDY/`, register the model as champion; returns what to say of it.

    Raises:
        InputError: no such study, no complete trial, or an export that is there already (without `force`).
        BackendUnreachable: the record or the logged model cannot be reached.
    """
    folder = workspace.export_folder(study)
    opened = selection.open_study(study)
    best = selection.best(opened)
    if folder.exists() and not force:  # before the minutes it may take
        raise InputError(f"{folder} is there already; --force replaces it")
    from sweeps.models import store_of
    from tracking.models import fetch_keras_file, register_champion

    store = store_of(study)
    with new_folder(folder, force) as made:
        fetch_keras_file(store, best.model_uri, made)
        details = write_export(made, made / "model.keras", best, opened.user_attrs)
    version_ = register_champion(store, study, best.model_uri, best.run_id, {"trial": str(best.trial)})
    return (
        f"{folder}: {best.objective} {best.value:.4f} of trial {best.trial}, {details['parameters']:,} parameters; "
        f"registered in MLflow as {study} version {version_}, alias champion\n"
        f"Predict with: sweeps predict --model {os.path.relpath(folder)} FILE"
    )


def write_export(made: Path, keras_file: Path, best: Best, attributes: dict[str, Any]) -> dict[str, Any]:
    """Complete the folder `made`, which holds `model.keras`: SavedModel, labels, parameters, manifest, README.

    Returns:
        The manifest.
    """
    model = import_keras().saving.load_model(keras_file, safe_mode=True)
    model.export(made / "saved_model", format="tf_saved_model", verbose=False)
    identity, data = attributes[IDENTITY], attributes[DATA]
    labels = data["labels"]
    write_json(made / "labels.json", labels)
    write_json(made / "params.json", best.params)
    (made / "README.md").write_text(_readme(best, model, labels), encoding="utf-8")
    details = {
        "study": best.study,
        "objective": best.objective,
        "value": best.value,
        "trial": best.trial,
        "run_id": best.run_id,
        "epoch": best.epoch,
        "parameters": model.count_params(),
        "input": _shapes(model.inputs),
        "output": _shapes(model.outputs),
        "target": data["target"],
        "features": data["features"],
        "dataset": {"name": identity["dataset"], "digest": identity["digest"]},
        "versions": {name: version(name) for name in ("keras", "tensorflow", "keras-sweeps")},
        "sha256": {str(path.relative_to(made)): sha256(path) for path in sorted(made.rglob("*")) if path.is_file()},
    }
    write_json(made / "manifest.json", details)
    return details


def _shapes(tensors: list[Any]) -> list[dict[str, Any]]:
    return [{"name": tensor.name, "shape": list(tensor.shape), "dtype": str(tensor.dtype)} for tensor in tensors]


def _readme(best: Best, model: Any, labels: list[str] | None) -> str:
    shape = model.inputs[0].shape[1:]
    dtype = model.inputs[0].dtype
    what = "probabilities, one a class in the order of labels.json" if labels else "the predicted numbers"
    return f"""# {best.study}

The best model of study `{best.study}`: trial {best.trial}, epoch {best.epoch}, {best.objective} {best.value:.4f}.
It takes raw input, shape (n, {", ".join(map(str, shape))}) of {dtype}; scaling is part of the model. It gives {what}.

In Python with Keras alone:

```python
import keras
model = keras.saving.load_model("model.keras")  # compiled; evaluate(x, y) works
probabilities = model.predict(x)
```

As a TensorFlow SavedModel, for TensorFlow Serving (`tensorflow_model_server --model_base_path=…`) or TensorFlow alone:

```python
import tensorflow as tf
loaded = tf.saved_model.load("saved_model")  # keep this reference
probabilities = loaded.serve(x)
```

| file | what it holds |
|---|---|
| model.keras | architecture, weights, optimizer state |
| saved_model/ | the same as a TensorFlow graph, to serve |
| labels.json | class names in the order of the outputs (null for a regression) |
| params.json | the hyperparameters |
| manifest.json | where it comes from, versions, SHA-256 of every file |
"""
