"""The classes and functions of a space that its saved models need, found in a model that it builds."""

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
    """What a model was saved with beside Keras's own, under the names by which a file knows it."""

    named: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def objects(self) -> dict[str, Any]:
        """By name; one that two bear stands for neither."""
        return {name: things[0] for name, things in self.named.items() if len(things) == 1}

    @property
    def unregistered(self) -> list[str]:
        """The names that another process does not know, even if it has the code."""
        known = keras.saving.get_custom_objects()
        return sorted(name for name, things in self.named.items() if known.get(name) not in things)


@contextlib.contextmanager
def recording() -> Iterator[Recorded]:
    """Note what Keras asks for its registered name while it serializes in the block: each class and function that is
    not its own, wherever it was defined."""
    found, ask = Recorded(), object_registration.get_registered_name

    def noted(thing: Any) -> str:
        name = str(ask(thing))
        things = found.named.setdefault(name, [])
        if thing not in things:
            things.append(thing)
        return name

    with mock.patch.object(object_registration, "get_registered_name", noted):
        yield found
    for name, things in list(found.named.items()):
        if all(_is_keras(thing) for thing in things):
            del found.named[name]


def _is_keras(thing: Any) -> bool:
    module = str(getattr(thing, "__module__", None))
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
        with recording() as found, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The object being serialized includes a `lambda`")
            config = keras.saving.serialize_keras_object(model)
        return model, found, config

    @property
    def objects(self) -> dict[str, Any]:
        """The classes and functions that a model of these hyperparameters is made of, by name."""
        return self._built[1].objects

    def compiled(self, model: keras.Model) -> keras.Model:
        """`model`, compiled as the space compiles its own."""
        model.compile(**self._built[0]._compile_config.config)
        return model

    def rebuilt(self, file: Path) -> keras.Model:
        """The model built anew, with the weights of `file`; the optimizer's state stays behind, as with KerasTuner.

        Raises:
            ValueError: the file holds another model.
        """
        model, _, config = self._built
        with zipfile.ZipFile(file) as archive:
            saved = json.loads(archive.read("config.json"))
        if _outline(saved) != _outline(json.loads(json.dumps(config))):
            raise ValueError("the space builds another model now than the one that was saved")
        if not model.built:
            model.build_from_config(saved["build_config"])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            model.load_weights(file)
        return model


#: what two builds of one model differ in, or what is not its architecture
_PASSING = ("shared_object_id", "build_config", "compile_config")


def _outline(config: Any) -> Any:
    """A saved model's configuration without what differs from one build of it to the next: numbers in names, the code
    of lambdas."""
    if isinstance(config, dict):
        # a lambda: its code differs with where and when it was compiled; an activation is saved without a class
        if config.get("class_name") == "__lambda__" or (set(config) == {"value"} and isinstance(config["value"], list)):
            return "a lambda"
        return {key: _outline(value) for key, value in config.items() if key not in _PASSING}
    if isinstance(config, list):
        return [_outline(value) for value in config]
    return re.sub(r"_\d+$", "", config) if isinstance(config, str) else config
