"""The registry of search spaces. To add one: write a file like `mlp.py` and add a line to `SPACES`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras_tuner

from search_spaces.data_spec import DataSpec
from search_spaces.mlp import MLP
from search_spaces.subclassed import WideAndDeepSubclassed
from search_spaces.wide_and_deep import Auxiliary, TwoInputs, WideAndDeep

#: name -> function that makes the space for a dataset
SPACES: dict[str, Callable[[DataSpec], keras_tuner.HyperModel]] = {
    "mlp": MLP,
    "mlp_per_layer": partial(MLP, per_layer=True),
    "wide_and_deep": WideAndDeep,
    "wide_and_deep_two_inputs": TwoInputs,
    "wide_and_deep_auxiliary": Auxiliary,
    "wide_and_deep_subclassed": WideAndDeepSubclassed,
}
