"""A person's hypermodel as a space of this engine: it brings what was given to `search` along to each fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import keras_tuner
from keras.src.utils.naming import reset_uids
from keras_tuner.errors import FailedTrialError

from sweeps.errors import InputError
from sweeps.trial.epochs import EpochWatch
from sweeps.tuner.callbacks import Gate, Keeper, of_execution
from sweeps.tuner.declared import Declared
from sweeps.tuner.results import FitResult, as_history


@dataclass(frozen=True)
class FitCall:
    """How `search` was called, beside the arrays: each trial's `HyperModel.fit` is called likewise.

    Attributes:
        positional: how many of x and y were given by position.
        inputs: the names of a list of input arrays; None where x is one array or a dictionary.
        options: keyword arguments as they were given.
        left_out: what the engine passes and `search` was not given.
        callbacks: to be copied for each trial.
    """

    positional: int = 2
    inputs: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    callbacks: Sequence[keras.callbacks.Callback] = ()


@dataclass(frozen=True)
class Compiled:
    """A tuner's `optimizer`, `loss`, `metrics` and `max_model_size`: what wins over the model's own."""

    optimizer: Any = None
    loss: Any = None
    metrics: Any = None
    max_model_size: int | None = None

    def apply(self, model: keras.Model) -> keras.Model:
        """The model, compiled anew where something was given.

        Raises:
            FailedTrialError: it has too many parameters.
        """
        if self.max_model_size and model.built:
            size = sum(int(keras.ops.size(weight)) for weight in model.trainable_weights)
            if size > self.max_model_size:
                raise FailedTrialError(
                    f"max_model_size: {self.max_model_size} parameters at most are allowed, got {size}"
                )
        if self.optimizer or self.loss or self.metrics:
            # Keras keeps what `compile` was given, whether or not the metrics are built already
            own = getattr(model._compile_metrics, "_user_metrics", None)
            model.compile(
                optimizer=self._optimizer() or model.optimizer,
                loss=self.loss or model.loss,
                loss_weights=None if self.loss else model._compile_loss._user_loss_weights,
                metrics=self.metrics or own,
            )
        return model

    def _optimizer(self) -> Any:
        """A fresh one for each model: an optimizer's state is of its model."""
        if self.optimizer is None or isinstance(self.optimizer, str):
            return self.optimizer
        return keras.optimizers.deserialize(keras.optimizers.serialize(self.optimizer))


class TunerSpace(keras_tuner.HyperModel):  # type: ignore[misc]
    """What the engine is given to search.

    Args:
        hypermodel: the person's own.
        objective: KerasTuner's.
        declared: hyperparameters that were declared to the tuner.
        compiled: what wins over the model's own compilation.
        call: how `search` was called.
        executions: how many models are trained a trial.
        digits: of a trial's number in its id.
    """

    #: a model that cannot be loaded is no error: KerasTuner builds each one anew
    rebuilds_models = True

    def __init__(
        self,
        hypermodel: keras_tuner.HyperModel,
        objective: keras_tuner.Objective,
        declared: Declared,
        compiled: Compiled,
        call: FitCall,
        executions: int,
        digits: int,
    ) -> None:
        super().__init__(name=space_name(hypermodel))
        self.hypermodel, self.objective, self.declared, self.compiled = hypermodel, objective, declared, compiled
        self.call, self.executions, self.digits = call, executions, digits
        self.kept = getattr(hypermodel, "kept", None)
        self._given = (hypermodel, objective, declared, compiled, call, executions, digits)

    def __reduce__(self) -> tuple[Any, ...]:
        """By what it was made of: KerasTuner's HyperModel binds its own methods."""
        return TunerSpace, self._given

    @property
    def authored(self) -> Any:
        """What of it a person wrote (see `source_objects`)."""
        declared = [entry.get_config() for entry in self.declared.space]
        return self.hypermodel, declared, self.compiled.optimizer, self.compiled.loss, self.compiled.metrics

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """The person's model."""
        self.declared.install(hp)
        self.hypermodel.declare_hyperparameters(hp)
        model = self.hypermodel.build(hp)
        return self.compiled.apply(model) if isinstance(model, keras.Model) else model

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, x: Any, y: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """The person's `fit`, called as `search` was, with copies of the callbacks.

        Args:
            x, y, kwargs: what the engine trains with. Without its watch among the callbacks it only looks
                whether the model can be trained, and the person's callbacks are left out.
        """
        watch = next((each for each in kwargs.get("callbacks", ()) if isinstance(each, EpochWatch)), None)
        if watch is None:
            return as_history(self._once(hp, model, x, y, kwargs, []), self.objective)
        result = self._once(hp, model, x, y, kwargs, [*self._callbacks(hp, 0), Gate(watch, self.objective)])
        if self.executions > 1:
            result = [result, *self._others(hp, model, watch, x, y, kwargs)]
        history = as_history(result, self.objective)
        if watch.best is not None and not isinstance(result, keras.callbacks.History):
            self._overrule(watch, history)
        return history

    def _once(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        x: Any,
        y: Any,
        kwargs: Mapping[str, Any],
        callbacks: list[keras.callbacks.Callback],
    ) -> FitResult:
        without = {"callbacks", *self.call.left_out, *self.call.options}
        passed = {name: value for name, value in kwargs.items() if name not in without}
        if self.call.inputs is not None:
            x = self._as_list(x)
            if "validation_data" in passed:
                first, *rest = passed["validation_data"]
                passed["validation_data"] = (self._as_list(first), *rest)
        data = {"x": x, "y": y}
        positional = list(data.values())[: self.call.positional]
        named = dict(list(data.items())[self.call.positional :])
        _quiet(model)
        return self.hypermodel.fit(hp, model, *positional, **named, **passed, **self.call.options, callbacks=callbacks)

    def _as_list(self, x: Mapping[str, Any]) -> list[Any]:
        return [x[name] for name in self.call.inputs or ()]

    def _callbacks(self, hp: Any, execution: int) -> list[keras.callbacks.Callback]:
        return of_execution(self.call.callbacks, hp, f"{hp.trial.number:0{self.digits}d}", execution)

    def _others(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, watch: EpochWatch, x: Any, y: Any, kwargs: Any
    ) -> list[FitResult]:
        """What came of more models of the same hyperparameters, each from other weights, once the first has come to
        its end. The first gets the weights of the best epoch of all."""
        keeper = Keeper(self.objective, watch.best, watch.best_weights or model.get_weights())
        results = [
            self._once(hp, self._again(hp, model, execution), x, y, kwargs, [*self._callbacks(hp, execution), keeper])
            for execution in range(1, self.executions)
        ]
        model.set_weights(keeper.weights)
        watch.best_weights = keeper.weights
        return results

    def _again(self, hp: keras_tuner.HyperParameters, first: keras.Model, execution: int) -> keras.Model:
        from sweeps.training import fit  # Numba, which only workers need

        seed = first.fit.seed + execution
        keras.utils.set_random_seed(seed)
        reset_uids()  # its metrics are called as the first model's
        model = self.build(hp)
        model.fit = partial(fit, model, seed=seed)
        return model

    def _overrule(self, watch: EpochWatch, history: keras.callbacks.History) -> None:
        """What `HyperModel.fit` returned is the trial's result, not what its epochs showed."""
        metrics = {name: float(values[-1]) for name, values in history.history.items()}
        if self.objective.name not in metrics:
            raise InputError(f"HyperModel.fit must return {self.objective.name!r}, got {', '.join(metrics)}")
        watch.overrule(metrics)


def space_name(hypermodel: keras_tuner.HyperModel) -> str:
    """A function's or a class's name: what the study and errors call the space."""
    function = getattr(hypermodel, "build", None)
    if type(hypermodel).__name__ == "DefaultHyperModel":
        return str(getattr(function, "__name__", "build"))
    return str(hypermodel.name or type(hypermodel).__name__)


class _Quiet:
    """`model.fit` that says nothing unless it is asked to: nobody reads a worker's progress bar."""

    def __init__(self, own: Any) -> None:
        self._own = own
        self.seed = int(own.keywords["seed"] if isinstance(own, partial) else getattr(own, "seed", 0))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) < 5:  # x, y, batch_size, epochs, verbose
            kwargs.setdefault("verbose", 0)
        return self._own(*args, **kwargs)


def _quiet(model: keras.Model) -> None:
    if not isinstance(model.fit, _Quiet):
        model.fit = _Quiet(model.fit)
