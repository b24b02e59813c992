"""The base of all tuners: a search with this engine, and its results in KerasTuner's terms."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import keras_tuner
from keras_tuner.engine import hyperparameters as kinds
from keras_tuner.engine.hypermodel import HyperModel
from keras_tuner.engine.trial import Trial
from keras_tuner.src.engine.hypermodel import get_hypermodel
from optuna.trial import FrozenTrial

from sweeps.api import watching
from sweeps.config import load_config
from sweeps.data import Dataset
from sweeps.engine import sweep
from sweeps.errors import InputError
from sweeps.space.discovery import discover
from sweeps.space.reference import packed
from sweeps.space.resolve import declaration
from sweeps.study import study as studies
from sweeps.study.attributes import IDENTITY, TOTAL
from sweeps.study.objective_choice import TRAIN
from sweeps.tuner.arrays import read
from sweeps.tuner.declared import Declared
from sweeps.tuner.failures import as_keras_tuner_raises
from sweeps.tuner.options import FailureLimits, Options, Plan
from sweeps.tuner.oracle import Oracle
from sweeps.tuner.project import Project
from sweeps.tuner.results import objective_of
from sweeps.tuner.space import CompileOverrides, FitCall, TunerSpace, space_name

# methods import the modules that import MLflow: while a search's workers import TensorFlow there is time for it
if TYPE_CHECKING:
    from sweeps.engine.continuation import Continued

#: more trials than any grid has that can be completed
_UNLIMITED = 1_000_000
#: the methods that subclasses of KerasTuner's tuners override
_HOOKS = {
    *("run_trial", "on_trial_begin", "on_trial_end", "on_epoch_begin", "on_epoch_end", "on_batch_begin"),
    *("on_batch_end", "on_search_begin", "on_search_end", "save_model", "load_model", "pre_create_trial"),
}


class Tuner:
    """Base of the four tuners; see `keras_tuner.Tuner` for what the methods mean.

    Raises:
        InputError: an argument is wrong or has no equivalent.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in sorted(_HOOKS & vars(cls).keys()):
            raise InputError(
                f"{cls.__name__}.{name}: a tuner's hooks are not called here, since its trials run in other "
                "processes; override HyperModel.fit, or give callbacks to search"
            )

    def __init__(
        self,
        hypermodel: Any,
        objective: Any,
        plan: Plan,
        declared: Declared,
        limits: FailureLimits,
        options: Mapping[str, Any],
    ) -> None:
        if hypermodel is None or not (isinstance(hypermodel, HyperModel) or callable(hypermodel)):
            raise InputError(f"hypermodel: a function build(hp) or a HyperModel is needed, got {hypermodel!r}")
        self.hypermodel: HyperModel = get_hypermodel(hypermodel)
        self._options = Options.of(options)
        self._plan, self._declared, self._limits = plan, declared, limits
        self._project = Project.of(self._options.directory, self._options.project_name)
        if self._options.overwrite:
            self._project.clear()
        elif self._project.exists:
            print(f"Reloading Tuner from {self.project_dir}")
        self._rows: tuple[Any, dict[str, Any]] | None = None
        self._call = FitCall()
        self.oracle = Oracle(self._project, objective_of(objective), plan.max_trials, self._seed(), self._discovered)

    def _seed(self) -> int:
        """The given seed, that of the existing study, or, as in KerasTuner, a random one."""
        if self._plan.seed is not None:
            return self._plan.seed
        study = self._project.open()
        known = study.user_attrs.get(IDENTITY) if study is not None else None
        return int(known["seed"]) if known else random.randint(1, 10_000)

    @property
    def project_dir(self) -> str:
        """The study's folder."""
        return str(self._project.folder)

    @property
    def executions_per_trial(self) -> int:
        """The number of models trained per trial."""
        return self._options.executions_per_trial

    @property
    def remaining_trials(self) -> int | None:
        """The number of trials still to run; None where the grid decides."""
        return self.oracle.remaining_trials()

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Search with arrays in memory: `search(x, y, epochs=…, validation_data=…, callbacks=[…], …)`.

        All arguments of `model.fit` are allowed; each trial's `HyperModel.fit` gets them unchanged.

        Raises:
            FatalError: a trial raised it; of KerasTuner's class, such as `FatalValueError`.
            TooManyFailures: too many trials failed in a row; a RuntimeError, as in KerasTuner.
            SweepError: see `sweeps.errors`.
        """
        if self._plan.epochs is not None:
            fit_kwargs["epochs"] = self._plan.epochs
        dataset, self._call, epochs = read(fit_args, fit_kwargs, self._input_names, self._fits_itself())
        packed("callbacks", self._call.callbacks)
        config = load_config(
            {
                "study": self._project.study,
                "space": space_name(self.hypermodel),
                "dataset": dataset.name,
                "trials": self._total(),
                "epochs": epochs,
                "seed": self.oracle.seed,
                "sampler": self._plan.sampler,
                "sampler_options": self._plan.sampler_options,
                "pruner": self._plan.pruner,
                "pruner_options": self._plan.pruner_options,
                # KerasTuner's objective may be a metric of the training rows
                "objective": f"{self.oracle.objective.name}:{TRAIN}:{self.oracle.objective.direction}",
                "jobs": self._options.jobs,
                "baselines": False,  # KerasTuner has no place for them, and its searches may be tiny
                "accept_changed_space": self._options.accept_changed_space,
            }
        )
        show = fit_kwargs.get("verbose", 1) != 0
        with self._sent() as space, as_keras_tuner_raises(), self._project.active(), watching(config, show) as watcher:
            # in KerasTuner, the first trial does not have the default values
            failures, retries = self._limits.consecutive_failures, self._limits.retries_per_trial
            sweep.run(config, watcher, space, dataset, defaults_first=False, failures=failures, retries=retries)
        self._rows = _first_rows(dataset)
        self.oracle.forget_space()
        self._close_grid()

    def continue_trial(self, trial_id: str, epochs: int, *fit_args: Any, **fit_kwargs: Any) -> Continued:
        """Continue the training of a finished trial for `epochs` more. KerasTuner has no such method.

        The result is a new trial with its own id; the best trials are chosen without it, since it had more epochs.

        Args:
            trial_id: of a finished trial.
            epochs: the number of additional epochs.
            fit_args, fit_kwargs: those of `search`, without the epochs. The data must be the same; other arguments
                (`batch_size`, `callbacks`, …) are not compared.

        Raises:
            SweepError: see `sweeps.errors`.
        """
        from sweeps.engine.continuation import continue_trial

        if self._options.executions_per_trial > 1:
            raise InputError("continue_trial: a trial of one execution is needed, not the mean of several")
        number = self.oracle.frozen(trial_id).number
        # the engine sets the number of epochs
        dataset, self._call, _ = read(fit_args, fit_kwargs | {"epochs": 1}, self._input_names, self._fits_itself())
        packed("callbacks", self._call.callbacks)
        with self._sent() as space, self._project.active():
            return continue_trial(self._project.study, number, epochs, space, dataset)

    def _total(self) -> int:
        """The total number of trials of the study; for a completed grid, the number that it has."""
        study = self._project.open()
        if self._plan.max_trials is not None:
            return self._plan.max_trials
        return int(study.user_attrs.get(TOTAL, _UNLIMITED)) if study is not None else _UNLIMITED

    def _close_grid(self) -> None:
        study = self._project.open()
        if self._plan.max_trials is None and study is not None:
            study.set_user_attr(TOTAL, _UNLIMITED - studies.missing(study, _UNLIMITED))

    def _fits_itself(self) -> bool:
        """Whether the hypermodel has a `fit` of its own."""
        return type(self.hypermodel).fit is not HyperModel.fit

    @contextlib.contextmanager
    def _sent(self) -> Iterator[TunerSpace]:
        """The space for workers, which find its data while the block runs."""
        if self._call.feed is None:
            yield self._space()
            return
        with self._call.feed.sent() as feed:
            yield replace(self._space(), call=replace(self._call, feed=feed))

    def _space(self) -> TunerSpace:
        options = self._options
        compiled = CompileOverrides(options.optimizer, options.loss, options.metrics, options.max_model_size)
        return TunerSpace(
            self.hypermodel,
            self.oracle.objective,
            self._declared,
            compiled,
            self._call,
            options.executions_per_trial,
            self.oracle.digits,
        )

    def _discovered(self) -> list[kinds.HyperParameter]:
        """All hyperparameters of the space; after a search also those of `HyperModel.fit`, which needs data."""
        space = self._space()
        if self._rows is None:
            found = discover(space.build)
        else:
            (x, y), options = self._rows
            found = discover(declaration(space, x, y, **options))
        keras.utils.clear_session()
        return [declared for declarations in found.values() for declared in declarations]

    def _input_names(self, count: int) -> tuple[str, ...]:
        """The names of the model's Input layers, for a list of `count` arrays."""
        model = self._space().build(keras_tuner.HyperParameters())
        names = tuple(tensor.name for tensor in getattr(model, "inputs", None) or ())
        if len(names) != count:
            raise InputError(
                f"search: a list of arrays needs a model with as many Input layers, got {count} arrays and "
                f"{len(names)} Input layers; a dictionary of arrays by name works too"
            )
        return names

    def get_best_models(self, num_models: int = 1) -> list[keras.Model]:
        """The models of at most `num_models` best trials, with the weights of their best epochs, best first."""
        trials = [trial for trial in self.oracle.ranked() if self.oracle.model_uri(trial)]
        return [self._model(trial) for trial in trials[:num_models]]

    def load_model(self, trial: Trial) -> keras.Model:
        """The model of one trial, with the weights of its best epoch.

        Raises:
            InputError: the trial is not complete, and has no model.
        """
        return self._model(self.oracle.frozen(trial.trial_id))

    def _model(self, trial: FrozenTrial) -> keras.Model:
        from sweeps.export.logged_models import load_logged

        uri = self.oracle.model_uri(trial)
        if uri is None:
            raise InputError(f"a COMPLETE trial has a model, trial {trial.number} is {trial.state.name}")
        with self._project.active():
            return load_logged(self._project.study, uri, self._space())

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[keras_tuner.HyperParameters]:
        """The hyperparameters of the best trials, best first; `hypermodel.build` takes them."""
        return [trial.hyperparameters for trial in self.oracle.get_best_trials(num_trials)]

    def search_space_summary(self, extended: bool = False) -> None:
        """Print the hyperparameters; before a search only those of `build`."""
        print("Search space summary")
        hp = self.oracle.get_space()
        print(f"Default search space size: {len(hp.space)}")
        for declared in hp.space:
            config = declared.get_config()
            print(f"{config.pop('name')} ({type(declared).__name__})")
            print(config)

    def results_summary(self, num_trials: int = 10) -> None:
        """Print the best trials."""
        print("Results summary")
        print(f"Results in {self.project_dir}")
        print(f"Showing {num_trials} best trials")
        print(f"{self.oracle.objective}")
        for trial in self.oracle.get_best_trials(num_trials):
            print()
            trial.summary()


def _first_rows(dataset: Dataset) -> tuple[Any, dict[str, Any]]:
    """The first rows as the arguments of `fit`, to discover its hyperparameters."""
    train, validation = (part.map(lambda column: column[:64]) for part in (dataset.train, dataset.validation))
    options = {"validation_data": (validation.x, validation.y), "epochs": 1, "callbacks": [], "verbose": 0}
    return (train.x, train.y), options
