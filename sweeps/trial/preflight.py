"""A look at the data and the space before anything is stored: small models are built, trained and validated."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
import optuna
from keras_tuner.errors import FailedTrialError, FatalError

from sweeps import dense_kernels
from sweeps.data import Dataset, check_folds, leaks, load, not_plain
from sweeps.data.target_for_loss import for_model
from sweeps.errors import InputError, NoModel, SweepError, comes_of, unknown
from sweeps.model import keras_state
from sweeps.model.memory import bounded_weights
from sweeps.space import narrowing
from sweeps.space.declarations import check_name
from sweeps.space.discovery import Declare, Point, ProposedHyperParameters, Space, ambiguous, discover, point
from sweeps.space.hyperparameters import (
    EPOCHS,
    CheckedHyperParameters,
    SuggestedHyperParameters,
    declarations,
    draw_epochs,
)
from sweeps.space.known import KnownParameters
from sweeps.space.narrowing import Narrowing
from sweeps.space.resolve import build, declaration, explain, resolve
from sweeps.study.constraints import check_metrics
from sweeps.study.objective_choice import choose_objectives, parse_objective
from sweeps.study.rounds import validation_of
from sweeps.training import clear_session, fit
from sweeps.trial.callbacks import make_callbacks
from sweeps.trial.epochs import LOSSES, epoch_logs
from sweeps.trial.plan import Preflight, SweepRequest
from sweeps.trial.saved_model_check import Saving
from sweeps.trial.warm_start import adapted, names_of, portfolio_of, small_enough, starts

#: rows that are trained and validated with (fewer than the smallest usual batch: one such step needs no graph), and
#: draws beside the default values
_ROWS, _DRAWS = 15, 2
#: draws where the space does not want its own default values
_MANY_DRAWS = 20


def preflight(request: SweepRequest, given: Dataset | None) -> Preflight:
    """What a sweep needs to know of its data and space.

    Args:
        given: data that was sent; None: what the request names is loaded.

    Raises:
        InputError: something of it is wrong: the data, the space, a narrowing, an enqueued trial, the objective.
    """
    data = request.fitting.target_of(given or load(request.source))
    space = keras_state.settle(
        request.keras, request.space, lambda: resolve(request.space, data.spec, request.fitting.metrics)
    )
    request.rounds.data(data, 0, request.seed)  # here too, so that what is wrong with folds is said before a trial
    make_callbacks(request.fitting.callbacks)
    narrowings = narrowing.narrowings_of(request.set, space)
    logs: Mapping[str, float] | None = None
    saving = Saving(space, request)
    try:
        logs = _try(space, ProposedHyperParameters({}, narrowings), data, request, saving)
    except InputError as wrong:
        if not comes_of(wrong, FailedTrialError):  # the space's own word for values that it does not want
            if isinstance(wrong, NoModel) and (likely := _likely_reason(data)):
                raise NoModel(f"{wrong}\n{likely}") from wrong
            raise
    asked, kept = narrowings[: len(request.set)], narrowings[len(request.set) :]
    declare, defaults = _declare(space, data), ProposedHyperParameters({})
    warm, portfolio = request.warm_start, portfolio_of(space, request)
    values_given = (*request.enqueue, *(warm.trials if warm else ()), *portfolio)
    names = {wanted.name for wanted in asked} | names_of(values_given)
    found = discover(declare, names - {EPOCHS}, defaults)
    draws_epochs = EPOCHS not in found and any(wanted.name == EPOCHS for wanted in asked)
    if draws_epochs:
        declare, defaults = _declare(space, data, request.epochs), ProposedHyperParameters({})
        found = discover(declare, names, defaults)
    narrowing.check_narrowings(asked, found)
    _check_free(request.enqueue, kept, found)
    others, warm_said = adapted(warm, declare, found, narrowings, request.grid) if warm else ([], "")
    first_trials = (*request.enqueue, *others)
    if not first_trials and logs is not None:  # the default values build a model
        defaults_first = starts(request, portfolio, declare, found, narrowings)
        first_trials = (*defaults_first[:1], *small_enough(defaults_first[1:], space, request, narrowings))
    enqueue = [point(declare, found, values, narrowings, request.grid) for values in first_trials]
    warnings: tuple[str, ...] = ()
    if logs is None or request.total is None or request.total > len(first_trials):  # the sampler will draw
        logs, warnings = _try_random(space, narrowings, ambiguous(found), data, request, logs, saving)
    data = _as_the_model_takes_it(data, declare, narrowings)
    if request.rounds.folds > 1:
        check_folds(data, request.rounds.folds)
    objective = choose_objectives(request.objectives, data.spec.target, logs)
    check_metrics(request.constraints, logs)
    clear_session()  # the first trial begins as it would in a process of its own
    rows = {"train": len(data.train), "validation": len(data.validation), "test": len(data.test or ())}
    return Preflight(
        *(objective, data.digest, rows, description(data), ambiguous(found), tuple(one.params for one in enqueue)),
        warnings=(
            *data.warnings,
            *leaks(given or load(request.source)),
            *(_filled(enqueue[: len(request.enqueue)])),
            *((warm_said,) if warm else ()),
            *saving.warnings,
            *warnings,
        ),
        hyperparameters=declarations(defaults),
        draws_epochs=draws_epochs,
        keras=keras_state.settled().changed,
        dense_layers=dense_kernels.description(),
        validation=validation_of(request.rounds, data, objective.metric),
    )


def _likely_reason(data: Dataset) -> str | None:
    """What of the data a model may not be able to take."""
    if not data.as_given or isinstance(data.train.x, dict):
        return not_plain(data)
    return "; ".join(data.warnings)


def description(data: Dataset) -> dict[str, Any]:
    """What a study keeps of its data: the target's kind, the task, class labels, columns and inputs."""
    about: dict[str, Any] = {"target": data.spec.target, "labels": data.labels, "form": data.form}
    about |= {"task": data.task, "features": data.features}
    return about | {"inputs": _inputs(data), "reading": data.reading}


def _as_the_model_takes_it(data: Dataset, declare: Declare, narrowings: tuple[Narrowing, ...]) -> Dataset:
    """The data as the model of the default values takes its target."""
    model = declare(ProposedHyperParameters({}, narrowings)) if data.as_given else None
    return for_model(data, model) if isinstance(model, keras.Model) else data


def _inputs(data: Dataset) -> dict[str, dict[str, Any]]:
    """Shape and dtype of the inputs as they train: Keras casts floats."""
    floats = keras.config.floatx()
    return {
        name: one | ({"dtype": floats} if one["dtype"].startswith("float") else {}) for name, one in data.inputs.items()
    }


def _declare(space: Any, data: Dataset, most_epochs: int | None = None) -> Declare:
    """Asks for the space's hyperparameters, and for the epochs where they are one. The default values are known to
    build a model; that other ones do not is found out by the trials that have them."""
    x, y = _head(data.train.x, data.train.y)
    strict = declaration(space, x, y, validation_data=(x, y), epochs=1, callbacks=[], verbose=0)

    def declare(hp: CheckedHyperParameters) -> object:
        model = None
        with contextlib.suppress(NoModel):
            model = strict(hp)
        if most_epochs is not None:
            draw_epochs(hp, most_epochs)
        return model

    return declare


def _check_free(enqueue: Iterable[Mapping[str, Any]], kept: Iterable[Narrowing], found: Space) -> None:
    """Raises: InputError: an enqueued trial has a value beyond what is kept, or epochs that are not drawn."""
    narrowings = {one.name: one for one in kept}
    for trial in enqueue:
        for name in narrowings.keys() & trial.keys() & found.keys():
            narrowings[name].check(trial[name], found[name])
        if EPOCHS in trial and EPOCHS not in found:
            raise InputError(f"epochs are no hyperparameter here: make them one by --set epochs=1..{trial[EPOCHS]}")


def _filled(points: Iterable[Point]) -> tuple[str, ...]:
    """What is said of enqueued trials that do not name all of their hyperparameters."""
    partial = [point.filled for point in points if point.filled]
    if not partial:
        return ()
    values = dict.fromkeys(f"{name}={value}" for filled in partial for name, value in filled.items())
    return (f"enqueued trials: {len(partial)} leave values open, which are the defaults: {', '.join(values)}",)


def _head(x: Any, y: Any) -> tuple[Any, Any]:
    first: tuple[Any, Any] = keras.tree.map_structure(lambda column: column[:_ROWS], (x, y))
    return first


def _try(
    space: Any, hp: CheckedHyperParameters, data: Dataset, request: SweepRequest, saving: Saving
) -> dict[str, float]:
    """Build one model, train and validate it on a few rows, and save it if it is the first; the logs of its epoch.

    Raises:
        NoModel: it does not build, does not fit the data, or gives NaN.
        InputError: a hyperparameter or a metric cannot be one.
    """
    keras.utils.set_random_seed(request.seed)
    model = build(space, hp)
    data = for_model(data, model)
    x, y = _head(data.train.x, data.train.y)
    _check_output(model, data.train.y)
    _check_loss_weights(model)
    # validated in its one epoch, whatever `validation_freq` the space gives
    model.fit = lambda *args, **given: fit(model, *args, **{**given, "validation_freq": 1, "seed": request.seed})
    arguments = request.fitting.data_arguments(data, _ROWS)
    try:
        with bounded_weights():  # a model without an Input layer makes its weights only now
            result = space.fit(hp, model, x, y, epochs=1, verbose=0, **arguments)
    except SweepError:
        raise
    except (Exception, SystemExit) as wrong:
        raise NoModel(f"the space's model does not fit the data ({_shapes(model, x, y)}): {explain(wrong)}") from wrong
    own = "val_rmse" if data.spec.target == "regression" else "val_accuracy"
    epochs = epoch_logs(result, parse_objective(next(iter(request.objectives), own))[0])
    if not epochs:
        raise InputError(f"the space's fit must return a History, metrics or a number, got {result!r}")
    logs = {name: float(value) for name, value in epochs[-1].items()}
    for name, value in logs.items():
        check_name("metric", name)
        if name in LOSSES and not math.isfinite(value):  # a metric may be undefined on so few rows
            raise NoModel(
                f"the space's model gives {name}={value} after one batch of the data; values: {hp.active_values}"
            )
    del model.fit
    saving.check(model, hp.active_values, x)
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
            raise NoModel(f"the space's model has {shape[-1]} outputs, the target has class indices up to {highest}")


def _check_loss_weights(model: keras.Model) -> None:
    """Keras passes over a weight for an output that the model does not have."""
    weights = getattr(model._compile_loss, "_user_loss_weights", None)
    shape = getattr(model, "output_shape", None)
    outputs = {*(getattr(model, "output_names", None) or ()), *(shape if isinstance(shape, dict) else ())}
    if not isinstance(weights, Mapping) or not outputs:
        return
    for name in weights:
        if name not in outputs:
            raise unknown("output in the loss_weights of the space's model:", name, outputs)


def _shapes(model: keras.Model, x: Any, y: Any) -> str:
    shape = keras.tree.map_structure(lambda column: column.shape[1:], x)
    target = ", ".join(f"{column.shape[1:]} of {column.dtype}" for column in keras.tree.flatten(y))
    return f"input {shape}, target {target}, model output {getattr(model, 'output_shape', '?')}"


def _try_random(
    space: Any,
    narrowings: tuple[Narrowing, ...],
    shared: frozenset[str],
    data: Dataset,
    request: SweepRequest,
    logs: Mapping[str, float] | None,
    saving: Saving,
) -> tuple[Mapping[str, float], tuple[str, ...]]:
    """Try random points of the space. That all of them fail is an error, unless the space says itself that it does not
    want one; that some do, a warning: trials there will be recorded as failed, and the sweep goes on.

    Args:
        logs: of an epoch with the default values; None where the space does not want those: then it is tried until a
            point trains.

    Returns:
        The logs of an epoch, and the warnings.
    """
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=request.seed))
    errors: list[NoModel] = []
    seen = KnownParameters()
    for _ in range(_DRAWS if logs is not None else _MANY_DRAWS):
        known = seen.update(study.get_trials(deepcopy=False))
        hp = SuggestedHyperParameters(study.ask(), narrowings, request.grid, shared, known=known)
        try:
            trained = _try(space, hp, data, request, saving)
        except NoModel as error:
            if comes_of(error, FatalError):
                raise
            errors.append(error)
        else:
            if logs is None:
                return trained, tuple(str(error) for error in errors)
        clear_session()
    if logs is None or (len(errors) == _DRAWS and not any(comes_of(error, FailedTrialError) for error in errors)):
        raise errors[0]
    return logs, tuple(str(error) for error in errors)
