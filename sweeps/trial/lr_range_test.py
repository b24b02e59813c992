"""The training of a learning-rate range test, in a worker; the model it trains is not kept."""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import partial
from typing import Any

import keras
from keras_tuner.engine import hyperparameters as kinds

from sweeps.data import Dataset, load
from sweeps.data.target_for_loss import for_model
from sweeps.errors import InputError, SweepError
from sweeps.space import narrowing
from sweeps.space.discovery import ProposedHyperParameters
from sweeps.space.resolve import build, explain, resolve
from sweeps.training import as_tensors
from sweeps.trial.lr_range import LossCurve, RangeRequest, RangeTest, Suggestion, suggest
from sweeps.trial.plan import SweepRequest
from sweeps.trial.preflight import preflight

#: of the arguments of `fit` those that say what a batch is
_OF_BATCHES = ("x", "y", "batch_size", "shuffle", "class_weight", "sample_weight", "steps_per_epoch")


class _Seen(Exception):
    """All batches were seen; takes its leave of whatever `fit` a space has."""


class _Probe(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the loss of each batch and ends the training with the curve."""

    def __init__(self, curve: LossCurve, low: float, growth: float) -> None:
        super().__init__()
        self.curve, self.rate, self.growth = curve, low, growth

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Metrics start anew: Keras would give the mean over the epoch so far."""
        self.model.reset_metrics()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the loss.

        Raises:
            _Seen: the curve is complete.
        """
        self.curve.add(self.rate, float((logs or {})["loss"]))
        self.rate *= self.growth
        if self.curve.ended:
            raise _Seen


def range_test(request: RangeRequest) -> RangeTest:
    """Train a model of the space with a rate that grows by the batch, until its loss diverges.

    Raises:
        InputError: something is wrong, as `preflight` finds it; the optimizer has no learning rate; the losses
            suggest nothing.
    """
    sweep = request.sweep
    preflight(sweep, None)
    keras.utils.clear_session()
    curve, hp = _train(request, load(sweep.source))
    suggestion = suggest(curve)
    keras.utils.clear_session()
    return RangeTest(curve, suggestion, hp.active_values, _as_set(sweep, hp, suggestion))


def _train(request: RangeRequest, data: Dataset) -> tuple[LossCurve, ProposedHyperParameters]:
    sweep = request.sweep
    keras.utils.set_random_seed(sweep.seed)
    space = resolve(sweep.space, data.spec)
    (params,) = sweep.enqueue or ({},)
    hp = ProposedHyperParameters(params, narrowing.narrowings_of(sweep.set, space))
    model = build(space, hp)
    data = for_model(data, model)
    model.optimizer = _growing(model.optimizer, request)
    probe = _Probe(LossCurve(request.steps), request.low, request.growth)
    model.fit = partial(_fit, model, probe)
    try:
        space.fit(
            hp,
            model,
            data.train.x,
            data.train.y,
            epochs=1,
            callbacks=[],
            verbose=0,
            **sweep.fitting.data_arguments(data),
        )
    except _Seen:
        return probe.curve, hp
    except SweepError:
        raise
    except Exception as wrong:
        raise InputError(f"space {space.name!r} cannot fit a model: {explain(wrong)}") from wrong
    raise InputError(f"space {space.name!r}: its fit must call model.fit(…), which was not called")


def _growing(optimizer: Any, request: RangeRequest) -> Any:
    """The same optimizer with a rate that grows by the step, whatever schedule it had."""
    settings = optimizer.get_config()
    if "learning_rate" not in settings:
        raise InputError(f"the space's optimizer must have a learning rate, {type(optimizer).__name__} has none")
    rate = keras.optimizers.schedules.ExponentialDecay(request.low, decay_steps=1, decay_rate=request.growth)
    return type(optimizer).from_config(settings | {"learning_rate": rate})


def _fit(model: Any, probe: _Probe, *args: Any, **kwargs: Any) -> None:
    """Keras's `fit` with the batches that a space's own `fit` asks for, and as many epochs as they take."""
    given = inspect.signature(keras.Model.fit).bind(model, *args, **kwargs).arguments
    batches = {name: given[name] for name in _OF_BATCHES if name in given}
    batches["x"] = as_tensors(batches["x"])
    type(model).fit(model, **batches, epochs=probe.curve.steps, callbacks=[probe], verbose=0)


def _as_set(sweep: SweepRequest, hp: ProposedHyperParameters, suggestion: Suggestion) -> str | None:
    """The suggestion as a `--set` that a sweep takes; None where there is no such."""
    declared = hp.active_declarations.get("learning_rate")
    if not isinstance(declared, kinds.Float | kinds.Choice):
        return None
    ends = declared.values if isinstance(declared, kinds.Choice) else (declared.min_value, declared.max_value)
    low = f"{suggestion.low:.2g}" if suggestion.low > min(ends) else repr(min(ends))
    high = f"{suggestion.high:.2g}" if suggestion.high < max(ends) else repr(max(ends))
    text = f"learning_rate={low}..{high}"
    others = tuple(one for one in sweep.set if not one.startswith("learning_rate="))
    try:
        preflight(replace(sweep, set=(*others, text), enqueue=()), None)
    except InputError:
        return None
    return text
