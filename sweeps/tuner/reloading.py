"""Logged models of trials, whatever classes of a person's own they are made of."""

from __future__ import annotations

import json
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from sweeps.models import fetch
from sweeps.tuner.space import TunerSpace
from tracking import Store


def restored(space: TunerSpace, store: Store, uri: str, params: Mapping[str, Any]) -> keras.Model:
    """A logged model with its best weights.

    Classes that Keras does not know (unregistered ones of a person's own) cannot be loaded; such a model is built
    from its hyperparameters, as KerasTuner does with all, and gets the weights.
    """
    with tempfile.TemporaryDirectory(prefix="sweeps-model-") as folder:
        file = fetch(store, uri, Path(folder))
        try:
            return keras.saving.load_model(file, safe_mode=True)
        except (TypeError, ValueError):
            return _built(space, params, file)


def _built(space: TunerSpace, params: Mapping[str, Any], file: Path) -> keras.Model:
    hp = keras_tuner.HyperParameters()
    hp.values = dict(params)
    model = space.build(hp)
    if not model.built:
        with zipfile.ZipFile(file) as archive:
            model.build_from_config(json.loads(archive.read("config.json"))["build_config"])
    with warnings.catch_warnings():
        # the optimizer's state stays behind, as with KerasTuner
        warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
        model.load_weights(file)
    return model
