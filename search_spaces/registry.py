"""The registry: name -> space. To add one: write a file beside `mlp.py` and a line here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras_tuner

from search_spaces.data_spec import DataSpec
from search_spaces.mlp import MLP

#: name -> what makes the space for a dataset
SPACES: dict[str, Callable[[DataSpec], keras_tuner.HyperModel]] = {
    "mlp": MLP,
    "mlp_per_layer": partial(MLP, per_layer=True),
}
