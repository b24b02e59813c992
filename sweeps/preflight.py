"""A look at the data and the space before anything is stored: small models are built, trained and validated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import optuna

from sweeps import narrowing
from sweeps.data import Dataset, load, require_plain
from sweeps.discovery import Declare, ProposedHyperParameters, ambiguous, discover, to_study_params
from sweeps.errors import InputError, SweepError
from sweeps.hyperparameters import CheckedHyperParameters, SuggestedHyperParameters
from sweeps.narrowing import Narrowing
from sweeps.plan import Preflight, SweepRequest
from sweeps.spaces import build, declaration, explain, resolve
from sweeps.study import Objective
from sweeps.training import fit
from sweeps.watch import no_such_metric

#: rows that are trained and validated with (fewer than a batch: one such step needs no graph), and random draws
#: beside the default values
_ROWS, _DRAWS = 31, 2

_MAXIMIZED = ("accuracy", "auc", "precision", "recall", "f1", "fbeta", "r2", "iou", "cosine_similarity")
_MINIMIZED = ("loss", "rmse", "mae", "mse", "error", "mape", "msle", "crossentropy", "kl")


def preflight(request: SweepRequest, given: Dataset | None) -> Preflight:
    """What a sweep needs to know of its data and space.

    Args:
        given: data that was sent; None: what the request names is loaded.

    Raises:
        InputError: something of it is wrong: the data, the space, a narrowing, an enqueued trial, the objective.
    """
    data = given or load(request.source)
    space = resolve(request.space, data.spec)
    narrowings = tuple(map(narrowing.parse_narrowing, request.set))
    try:
        logs = _try(space, ProposedHyperParameters({}, narrowings), data, request.seed)
    except InputError:
        require_plain(data)  # text and gaps are the likelier reason, and the clearer one
        raise
    declare = _declare(space, data)
    names = [wanted.name for wanted in narrowings]
    names += [name for values in request.enqueue for name in values]
    found = discover(declare, names)
    narrowing.check_narrowings(narrowings, found)
    enqueue = request.enqueue or (() if request.grid else (_defaults(declare, narrowings),))
    enqueue = tuple(to_study_params(declare, found, values, narrowings, request.grid) for values in enqueue)
    objective = choose_objective(request.objective, data.spec.target, logs)
    warnings = _try_random(space, narrowings, ambiguous(found), data, request)
    rows = {"train": len(data.train), "validation": len(data.validation), "test": len(data.test or ())}
    about = {"target": data.spec.target, "labels": data.labels, "features": data.features, "inputs": data.inputs}
    return Preflight(objective, data.digest, rows, about, ambiguous(found), enqueue, warnings)


def _declare(space: Any, data: Dataset) -> Declare:
    """Asks for the space's hyperparameters. The default values are known to build a model; that other ones
    do not is found out by the trials that have them."""
    x, y = _head(data.train.x, data.train.y)
    strict = declaration(space, x, y, validation_data=(x, y), epochs=1, callbacks=[], verbose=0)

    def declare(hp: CheckedHyperParameters) -> object:
        try:
            return strict(hp)
        except InputError:
            return None

    return declare


def _defaults(declare: Declare, narrowings: tuple[Narrowing, ...]) -> dict[str, Any]:
    """The space's default values: what its author thinks good is the first trial, and a baseline for the others."""
    hp = ProposedHyperParameters({}, narrowings)
    declare(hp)
    return hp.active_values


def choose_objective(asked: str | None, target: str, logs: Mapping[str, float]) -> Objective:
    """The metric to search by, and its direction: `NAME` or `NAME:min`, `NAME:max`.

    Args:
        asked: None for the data's own: val_accuracy, for regression val_rmse, where a metric bears that name; of a
            model with several outputs that of the one called "output".
        logs: one epoch's logs; the metrics that there are.

    Raises:
        InputError: no metric bears the name, or its direction is not known.
    """
    if asked is None:
        name = "rmse" if target == "regression" else "accuracy"
        wanted = (f"val_{name}", f"val_output_{name}")  # the second of a model with several outputs
        asked = next((metric for metric in wanted if metric in logs), "val_loss")
    metric, colon, way = asked.partition(":")
    if metric not in logs:
        raise no_such_metric(metric, logs)
    if colon:
        if way not in ("min", "max"):
            raise InputError(f"objective: NAME:min or NAME:max is wanted, got {asked!r}")
        return Objective(metric, "minimize" if way == "min" else "maximize")
    for ending in _MAXIMIZED:
        if ending in metric.lower():
            return Objective(metric, "maximize")
    for ending in _MINIMIZED:
        if ending in metric.lower():
            return Objective(metric, "minimize")
    raise InputError(
        f"objective: whether {metric!r} is to grow or to fall is not known; say {metric}:max or {metric}:min"
    )


def _head(x: Any, y: Any) -> tuple[Any, Any]:
    first: tuple[Any, Any] = keras.tree.map_structure(lambda column: column[:_ROWS], (x, y))
    return first


def _try(space: Any, hp: CheckedHyperParameters, data: Dataset, seed: int) -> dict[str, float]:
    """Build one model, train and validate it on a few rows; the logs of its epoch.

    Raises:
        InputError: it does not build, does not fit the data, or gives NaN.
    """
    keras.utils.set_random_seed(seed)
    model = build(space, hp)
    x, y = _head(data.train.x, data.train.y)
    _check_output(model, data.train.y)
    model.fit = partial(fit, model, seed=seed, jit=False)
    try:
        history = space.fit(
            hp, model, x, y, validation_data=_head(data.validation.x, data.validation.y), epochs=1, verbose=0
        )
    except SweepError:
        raise
    except Exception as wrong:
        raise InputError(
            f"the space's model does not fit the data ({_shapes(model, x, y)}): {explain(wrong)}"
        ) from wrong
    logs = {name: float(values[-1]) for name, values in history.history.items()}
    for name, value in logs.items():
        if not math.isfinite(value):
            raise InputError(
                f"the space's model gives {name}={value} after one batch of the data; values: {hp.active_values}"
            )
    return logs


def _check_output(model: keras.Model, y: Any) -> None:
    """Class indices beyond the output layer's width train silently to nonsense."""
    shape = getattr(model, "output_shape", None)
    loss = getattr(model.loss, "name", model.loss)
    if (
        isinstance(shape, tuple)
        and isinstance(y, np.ndarray)
        and "sparse" in str(loss)
        and y.size
        and shape[-1] is not None
    ):
        highest = int(y.max())
        if highest >= shape[-1]:
            raise InputError(f"the space's model has {shape[-1]} outputs, the target has class indices up to {highest}")


def _shapes(model: keras.Model, x: Any, y: Any) -> str:
    shape = keras.tree.map_structure(lambda column: column.shape[1:], x)
    return f"input {shape}, target {y.shape[1:]} of {y.dtype}, model output {getattr(model, 'output_shape', '?')}"


def _try_random(
    space: Any,
    narrowings: tuple[Narrowing, ...],
    shared: frozenset[str],
    data: Dataset,
    request: SweepRequest,
) -> tuple[str, ...]:
    """Try random points of the space. That all of them fail is an error; that some do, a warning: trials
    there will be recorded as failed, and the sweep goes on."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=request.seed))
    errors = []
    for _ in range(_DRAWS):
        hp = SuggestedHyperParameters(study.ask(), narrowings, request.grid, shared)
        try:
            _try(space, hp, data, request.seed)
        except InputError as error:
            errors.append(error)
        keras.utils.clear_session()
    if len(errors) == _DRAWS:
        raise errors[0]
    return tuple(str(error) for error in errors)
