"""What a trial's model costs, and whether the trial keeps the constraints of its study."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweeps.study.attributes import INFEASIBLE
from sweeps.study.constraints import Constraint, broken
from sweeps.study.figures import LATENCY_MS, MODEL_BYTES, N_PARAMS, SIZES, neither_metric_nor_figure
from sweeps.training import as_tensors
from sweeps.trial.proxies import RunProxy, TrialProxy

#: calls of a model before it is timed, and that are timed
_WARM_UP, _CALLS = 3, 50


def sizes(model: keras.Model) -> dict[str, float]:
    """`N_PARAMS` and `MODEL_BYTES` of a model; empty as long as it has no weights because it has seen no data."""
    if not model.built:
        return {}
    return {
        N_PARAMS: model.count_params(),
        MODEL_BYTES: sum(math.prod(one.shape) * tf.as_dtype(one.dtype).size for one in model.weights),
    }


def latency_ms(model: keras.Model, rows: Any) -> float:
    """Milliseconds in which the model answers for one row, as the median of many calls of a compiled function.

    Args:
        rows: what the model takes, in arrays; the first row is asked.
    """
    one = as_tensors(keras.tree.map_structure(lambda column: np.asarray(column)[:1], rows))
    one = keras.tree.map_structure(tf.convert_to_tensor, one)
    answer = tf.function(lambda row: model(row, training=False), autograph=False)
    seconds = []
    for _ in range(_WARM_UP + _CALLS):
        began = time.perf_counter()
        keras.tree.map_structure(lambda output: output.numpy(), answer(one))
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds[_WARM_UP:])


def figures_of(names: Collection[str], model: keras.Model, metrics: Mapping[str, float], rows: Any) -> dict[str, float]:
    """The figures of these names.

    Args:
        metrics: of the epoch whose weights the model has.
        rows: what the model takes.

    Raises:
        InputError: a figure cannot be had.
    """
    known = {**sizes(model), **metrics}
    if LATENCY_MS in names:
        known[LATENCY_MS] = latency_ms(model, rows)
    for name in names:
        if name not in known:
            raise neither_metric_nor_figure("objective or constraint", name, metrics)
    return {name: known[name] for name in sorted(names)}


def hold_to(trial: TrialProxy, run: RunProxy, constraints: Iterable[Constraint], figures: Mapping[str, float]) -> str:
    """Let study and run know which constraints a trial keeps, as far as its figures are known.

    Returns:
        What is said of those that it breaks; "" if it keeps them.
    """
    # those on sizes first, as when they alone are known: a sampler may take them by their place
    constraints = sorted((one for one in constraints if one.name in figures), key=lambda one: one.name not in SIZES)
    if not constraints:
        return ""
    known = trial.constraints  # each is set once
    for one in constraints:
        if str(one) not in known:
            trial.set_constraint(str(one), one.violation(figures[one.name]))
    if said := broken(constraints, figures):
        trial.set_user_attr(INFEASIBLE, said)
        run.set_tags({INFEASIBLE: said[:500]})
    return said
