"""The user's hypermodel as a space of this engine, with the arguments of `search` for each fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, ClassVar

import keras
import keras_tuner
from keras.src.utils.naming import reset_uids
from keras_tuner.errors import FailedTrialError

from sweeps.errors import InputError
from sweeps.trial.epochs import EpochWatch
from sweeps.tuner.callbacks import BestWeights, ObjectiveReporter, copied_callbacks
from sweeps.tuner.declared import Declared
from sweeps.tuner.failures import WrongResult
from sweeps.tuner.feeds import DATA, Feed
from sweeps.tuner.results import FitResult, as_history


@dataclass(frozen=True)
class FitCall:
    """The arguments of `search` beside the arrays, with which each trial calls `HyperModel.fit`.

    Attributes:
        positional: how many of x and y were positional.
        inputs: the names for a list of input arrays; None where x is one array or a dictionary.
        options: the keyword arguments.
        left_out: names of arguments that the engine passes, but `search` did not get.
        callbacks: copied for each trial.
        feed: the data, where it is more than arrays; the engine then knows its first batch only.
    """

    positional: int = 2
    inputs: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    callbacks: Sequence[keras.callbacks.Callback] = ()
    feed: Feed | None = None


@dataclass(frozen=True)
class CompileOverrides:
    """A tuner's `optimizer`, `loss`, `metrics` and `max_model_size`, which override those of the model."""

    optimizer: Any = None
    loss: Any = None
    metrics: Any = None
    max_model_size: int | None = None

    def apply(self, model: keras.Model) -> keras.Model:
        """Compile the model again with the overrides.

        Raises:
            FailedTrialError: the model has more than `max_model_size` parameters.
        """
        if self.max_model_size and model.built:
            size = sum(int(keras.ops.size(weight)) for weight in model.trainable_weights)
            if size > self.max_model_size:
                raise FailedTrialError(
                    f"max_model_size: {self.max_model_size} parameters at most are allowed, got {size}"
                )
        if self.optimizer or self.loss or self.metrics:
            # the arguments of `compile`, whether or not the metrics are built
            metrics = getattr(model._compile_metrics, "_user_metrics", None)
            model.compile(
                optimizer=self._optimizer() or model.optimizer,
                loss=self.loss or model.loss,
                loss_weights=None if self.loss else model._compile_loss._user_loss_weights,
                metrics=self.metrics or metrics,
            )
        return model

    def _optimizer(self) -> Any:
        """A new one for each model, since an optimizer holds its model's state."""
        if self.optimizer is None or isinstance(self.optimizer, str):
            return self.optimizer
        return keras.optimizers.deserialize(keras.optimizers.serialize(self.optimizer))


@dataclass(eq=False)
class TunerSpace(keras_tuner.HyperModel):  # type: ignore[misc]
    """A tuner's search space for the engine.

    Attributes:
        hypermodel: the user's.
        objective: KerasTuner's.
        declared: the tuner's `hyperparameters`.
        compiled: overrides of the model's compilation.
        call: the arguments of `search`.
        executions: the number of models per trial.
        digits: of a trial's id.
    """

    hypermodel: keras_tuner.HyperModel
    objective: keras_tuner.Objective
    declared: Declared
    compiled: CompileOverrides
    call: FitCall
    executions: int
    digits: int
    #: a saved model that cannot be loaded is no error: as in KerasTuner, it is built again
    rebuilds_models: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__init__(name=space_name(self.hypermodel))
        self.kept = getattr(self.hypermodel, "kept", None)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the fields only: KerasTuner's HyperModel binds its methods, which cannot be pickled."""
        return TunerSpace, tuple(getattr(self, attribute.name) for attribute in fields(self))

    @property
    def authored(self) -> Any:
        """The user's part, for the fingerprint (see `sweeps.space.object_digests`)."""
        declared = [entry.get_config() for entry in self.declared.space]
        return self.hypermodel, declared, self.compiled.optimizer, self.compiled.loss, self.compiled.metrics

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Build the user's model."""
        self.declared.install(hp)
        self.hypermodel.declare_hyperparameters(hp)
        model = self.hypermodel.build(hp)
        if not isinstance(model, keras.Model):
            raise WrongResult(
                "the model-building function, or HyperModel.build, must return a keras.Model, "
                f"got {type(model).__name__}"
            )
        return self.compiled.apply(model)

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, x: Any, y: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """Call the user's `fit` with the arguments of `search`, and copies of the callbacks.

        Args:
            hp: the trial's hyperparameters.
            model: built with them.
            x, y, kwargs: the engine's arguments. Without an `EpochWatch` among the callbacks, the engine only checks
                that the model can be trained; the user's callbacks are then left out.
        """
        watch = next((each for each in kwargs.get("callbacks", ()) if isinstance(each, EpochWatch)), None)
        if watch is None:
            return as_history(self._fit_once(hp, model, x, y, kwargs, [], brief=True), self.objective)
        callbacks = [*self._callbacks(hp, 0), ObjectiveReporter(watch, self.objective)]
        result = self._fit_once(hp, model, x, y, kwargs, callbacks)
        if self.call.feed is not None:
            model.fit.forget_example()
        if self.executions > 1:
            result = [result, *self._other_executions(hp, model, watch, x, y, kwargs)]
        history = as_history(result, self.objective)
        if watch.best is not None and not isinstance(result, keras.callbacks.History):
            self._overrule(watch, history)
        return history

    def _fit_once(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        x: Any,
        y: Any,
        kwargs: Mapping[str, Any],
        callbacks: list[keras.callbacks.Callback],
        brief: bool = False,
    ) -> FitResult:
        without = {"callbacks", *self.call.left_out, *self.call.options}
        passed = {name: value for name, value in kwargs.items() if name not in without}
        named: dict[str, Any] = {"x": x, "y": y, **passed, **self.call.options}
        if brief:  # one epoch, whichever is the first
            named.pop("initial_epoch", None)
        if self.call.feed is not None:
            named = self._fed(self.call.feed, named, brief)
        elif self.call.inputs is not None:
            named["x"] = self._as_list(x)
            if "validation_data" in named:
                first, *rest = named["validation_data"]
                named["validation_data"] = (self._as_list(first), *rest)
        positional = [named.pop(name, None) for name in ("x", "y")[: self.call.positional]]
        if not isinstance(model.fit, _QuietFit):
            model.fit = _QuietFit(model.fit)
        return self.hypermodel.fit(hp, model, *positional, **named, callbacks=callbacks)

    def _fed(self, feed: Feed, named: Mapping[str, Any], brief: bool) -> dict[str, Any]:
        """The arguments with the data as it was given to `search`, or the first batch of it."""
        others = {name: value for name, value in named.items() if name not in DATA}
        if not brief:
            return {**others, **feed.arguments}
        steps = dict.fromkeys({"steps_per_epoch", "validation_steps"} & others.keys(), 1)
        return {**others, **steps, **feed.brief()}

    def _as_list(self, x: Mapping[str, Any]) -> list[Any]:
        return [x[name] for name in self.call.inputs or ()]

    def _callbacks(self, hp: Any, execution: int) -> list[keras.callbacks.Callback]:
        return copied_callbacks(self.call.callbacks, hp, f"{hp.trial.place():0{self.digits}d}", execution)

    def _other_executions(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, watch: EpochWatch, x: Any, y: Any, kwargs: Any
    ) -> list[FitResult]:
        """Train further models with the same hyperparameters and other initial weights.

        The first model gets the weights of the best epoch of all.
        """
        best = BestWeights(self.objective, watch.best, watch.best_weights or model.get_weights())
        results = [
            self._fit_once(
                hp, self._rebuild(hp, model, execution), x, y, kwargs, [*self._callbacks(hp, execution), best]
            )
            for execution in range(1, self.executions)
        ]
        model.set_weights(best.weights)
        watch.best_weights = best.weights
        return results

    def _rebuild(self, hp: keras_tuner.HyperParameters, first: keras.Model, execution: int) -> keras.Model:
        from sweeps.training import fit  # imports Numba, which only workers need

        seed = first.fit.seed + execution
        keras.utils.set_random_seed(seed)
        reset_uids()  # so that metrics are named as in the first model
        model = self.build(hp)
        model.fit = partial(fit, model, seed=seed)
        return model

    def _overrule(self, watch: EpochWatch, history: keras.callbacks.History) -> None:
        """Make the returned metrics the trial's result, in place of those of its epochs."""
        metrics = {name: float(values[-1]) for name, values in history.history.items()}
        if self.objective.name not in metrics:
            raise InputError(f"HyperModel.fit must return {self.objective.name!r}, got {', '.join(metrics)}")
        watch.overrule(metrics)


def space_name(hypermodel: keras_tuner.HyperModel) -> str:
    """The space's name in the study and in errors: that of the function or class."""
    function = getattr(hypermodel, "build", None)
    if type(hypermodel).__name__ == "DefaultHyperModel":
        return str(getattr(function, "__name__", "build"))
    # a HyperModel whose __init__ does not call super() has no name
    return str(getattr(hypermodel, "name", None) or type(hypermodel).__name__)


class _QuietFit:
    """`model.fit` with `verbose=0` by default: nobody reads a worker's progress bar."""

    def __init__(self, fit: Any) -> None:
        self._fit = fit
        self.seed = int(fit.keywords["seed"] if isinstance(fit, partial) else getattr(fit, "seed", 0))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) < 5:  # x, y, batch_size, epochs, verbose
            kwargs.setdefault("verbose", 0)
        return self._fit(*args, **kwargs)

    def forget_example(self) -> None:
        """Of a data set in another order each time, the first rows are not those that the engine knows."""
        if hasattr(self._fit, "example"):
            self._fit.example = None
