"""The custom classes and functions that a space's saved models need, found by serializing a model."""

from __future__ import annotations

import contextlib
import json
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import keras_tuner
from keras.src.saving import object_registration

from sweeps.space.resolve import build


@dataclass
class Recorded:
    """The custom objects of a serialized model by the names in its file."""

    named: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def objects(self) -> dict[str, Any]:
        """The objects by name, without names that several objects share."""
        return {name: objects[0] for name, objects in self.named.items() if len(objects) == 1}

    @property
    def unregistered(self) -> list[str]:
        """The names that are not registered with Keras, so that another process cannot resolve them."""
        known = keras.saving.get_custom_objects()
        return sorted(name for name, objects in self.named.items() if known.get(name) not in objects)


@contextlib.contextmanager
def recording() -> Iterator[Recorded]:
    """Record the custom classes and functions whose registered names Keras looks up while it serializes a model."""
    recorded, get_registered_name = Recorded(), object_registration.get_registered_name

    def record(value: Any) -> str:
        name = str(get_registered_name(value))
        objects = recorded.named.setdefault(name, [])
        if value not in objects:
            objects.append(value)
        return name

    with mock.patch.object(object_registration, "get_registered_name", record):
        yield recorded
    for name, objects in list(recorded.named.items()):
        if all(_is_keras(value) for value in objects):
            del recorded.named[name]


def _is_keras(value: Any) -> bool:
    module = str(getattr(value, "__module__", None))
    return module.partition(".")[0] in ("keras", "builtins")


@dataclass(frozen=True)
class Definitions:
    """A space and the hyperparameters of one of its models."""

    space: keras_tuner.HyperModel
    params: Mapping[str, Any]

    @cached_property
    def _built(self) -> tuple[keras.Model, Recorded, dict[str, Any]]:
        hp = keras_tuner.HyperParameters()
        hp.values = dict(self.params)
        model = build(self.space, hp)
        with recording() as recorded, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The object being serialized includes a `lambda`")
            config = keras.saving.serialize_keras_object(model)
        return model, recorded, config

    @property
    def objects(self) -> dict[str, Any]:
        """The custom classes and functions of the model by name."""
        return self._built[1].objects

    def compiled(self, model: keras.Model) -> keras.Model:
        """Compile `model` as the space compiles its own."""
        model.compile(**self._built[0]._compile_config.config)
        return model

    def rebuilt(self, file: Path) -> keras.Model:
        """Build the model anew and load the weights of `file`, without the optimizer's state, as KerasTuner does.

        Raises:
            ValueError: the file holds a model with another architecture.
        """
        model, _, config = self._built
        with zipfile.ZipFile(file) as archive:
            saved = json.loads(archive.read("config.json"))
        if _architecture(saved) != _architecture(json.loads(json.dumps(config))):
            raise ValueError("the space builds another model now than the one that was saved")
        if not model.built:
            model.build_from_config(saved["build_config"])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            model.load_weights(file)
        return model


#: keys that differ between two builds of a model, or are not part of its architecture
_IGNORED_KEYS = ("shared_object_id", "build_config", "compile_config")


def _architecture(config: Any) -> Any:
    """A model's configuration without what differs between two builds: numbers in names and the code of lambdas."""
    if isinstance(config, dict):
        # the code of a lambda depends on where and when it was compiled; an activation is saved without a class
        if config.get("class_name") == "__lambda__" or (set(config) == {"value"} and isinstance(config["value"], list)):
            return "a lambda"
        return {key: _architecture(value) for key, value in config.items() if key not in _IGNORED_KEYS}
    if isinstance(config, list):
        return [_architecture(value) for value in config]
    return re.sub(r"_\d+$", "", config) if isinstance(config, str) else config
