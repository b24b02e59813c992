"""The base of all tuners: a search with this engine, and its results in KerasTuner's terms."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import keras_tuner
from keras_tuner.engine.hypermodel import HyperModel
from keras_tuner.engine.trial import Trial
from keras_tuner.src import utils
from keras_tuner.src.engine.tuner import maybe_distribute
from optuna.trial import FrozenTrial

from sweeps.config import load_config
from sweeps.engine import forkserver, sweep
from sweeps.errors import InputError, UnsavedModel
from sweeps.space.reference import packed
from sweeps.study.objective_choice import TRAIN
from sweeps.tuner.arrays import read
from sweeps.tuner.begun import as_begun, close_grid, identity, total_of_study
from sweeps.tuner.declared import Declared
from sweeps.tuner.failures import as_keras_tuner_raises
from sweeps.tuner.feeds import StaysHere
from sweeps.tuner.in_process import InProcess, overridden
from sweeps.tuner.options import OWN_OPTIONS, FailureLimits, Options
from sweeps.tuner.oracle import Oracle
from sweeps.tuner.plans import PLANS, plan_of
from sweeps.tuner.progress import watching
from sweeps.tuner.space import FitCall, space_name
from sweeps.tuner.worker_space import Rows, WorkerSpace, first_rows

# methods import the modules that import MLflow: while a search's workers import TensorFlow there is time for it
if TYPE_CHECKING:
    from sweeps.engine.continuation import Continued


class Tuner(keras_tuner.Tuner, InProcess):  # type: ignore[misc]
    """Base of the four tuners, and `keras_tuner.Tuner` itself; see there for what the methods mean.

    The oracle's arguments are those of the search with workers. An oracle of a person's own class, and a class that
    overrides hooks, runs in this process; see `sweeps.tuner.in_process`.

    Raises:
        InputError: an argument is wrong or has no equivalent.
    """

    #: the seed that was given; None: the oracle's
    _given_seed: int | None = None

    def __init__(self, oracle: keras_tuner.Oracle, hypermodel: Any = None, *args: Any, **kwargs: Any) -> None:
        builds = hypermodel is not None or type(self).run_trial is keras_tuner.Tuner.run_trial
        if builds and not (isinstance(hypermodel, HyperModel) or callable(hypermodel)):
            raise InputError(f"hypermodel: a function build(hp) or a HyperModel is needed, got {hypermodel!r}")
        kwargs = Options.named(args, kwargs)
        self._options = Options.of(kwargs)
        if hooks := overridden(type(self)):
            self._reason = f"{type(self).__name__} overrides {', '.join(hooks)}"
        elif self._options.distribution_strategy is not None:
            self._reason = "distribution_strategy is given"
        passed = {name: value for name, value in kwargs.items() if name not in OWN_OPTIONS}
        super().__init__(oracle, hypermodel, **passed)
        self.seed = self._given_seed

    def _begin(self) -> None:
        if not self._reason and type(self.oracle) not in PLANS:
            self._reason = f"{type(self.oracle).__name__} is an oracle of its own"
        elif not self._reason and (self._project.folder / "oracle.json").exists():
            self._reason = "the study was begun in one process"
        if self._given_seed is not None:  # KerasTuner takes 0 for none
            self.oracle.seed = self.oracle._seed_state = self._given_seed
        if self._reason:
            super()._begin()
            return
        if self._project.exists:
            print(f"Reloading Tuner from {self.project_dir}")
        asked = self._asked = self.oracle
        self._plan = plan_of(asked)
        self._declared = Declared.of(asked.hyperparameters, asked.tune_new_entries, asked.allow_new_entries)
        self._limits = FailureLimits(asked.max_retries_per_trial, asked.max_consecutive_failed_trials)
        self._rows: Rows | None = None
        self._call = FitCall()
        total = self._plan.max_trials
        seed = int(identity(self._project).get("seed", asked.seed))  # as in KerasTuner, the earlier search's
        self.oracle = Oracle(
            *(self._project, asked.objective, total, seed),
            lambda: self._space.discovered(self._call, self._rows),
            asked,
        )

    @property
    def _space(self) -> WorkerSpace:
        oracle = self.oracle
        return WorkerSpace(self.hypermodel, oracle.objective, self._declared, self._options, oracle.digits)

    def _move_here(self, reason: str) -> None:
        """Search in this process from now on, for a reason that is only known when `search` is called."""
        self._reason, self.oracle = reason, self._asked
        super()._begin()

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Search: `search(x, y, epochs=…, validation_data=…, callbacks=[…], …)`, or `search(dataset, …)`.

        All arguments of `model.fit` are allowed; each trial's `HyperModel.fit` gets them unchanged. What cannot be sent
        to another process (a generator, say) is searched in this one.

        Raises:
            FatalError: a trial raised it; of KerasTuner's class, such as `FatalValueError`.
            TooManyFailures: too many trials failed in a row; a RuntimeError, as in KerasTuner.
            SweepError: see `sweeps.errors`.
        """
        if not self._reason:
            try:
                self._search_in_workers(*fit_args, **fit_kwargs)
                return
            except StaysHere as stays:
                self._move_here(str(stays))
        super().search(*fit_args, **fit_kwargs)

    def _search_in_workers(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """See `search`.

        Raises:
            StaysHere: something cannot be sent to other processes; no trial has begun.
        """
        forkserver.start()  # it imports while this process prepares
        if self._plan.epochs is not None:
            fit_kwargs["epochs"] = self._plan.epochs
        dataset, self._call, epochs = read(fit_args, fit_kwargs, self._space.input_names, self._space.fits_itself)
        self._space.check_travels(self._call)
        total = total_of_study(self._project, self.oracle.max_trials)
        dataset, epochs = as_begun(self._project, total, dataset, epochs)
        config = load_config(
            {
                "study": self._project.study,
                "space": space_name(self.hypermodel),
                "dataset": dataset.name,
                "trials": total,
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
                "keep_models": "all",  # as there
                "start": "none",  # in KerasTuner, the first trial does not have the default values
                "accept_changed_space": self._options.accept_changed_space,
            }
        )
        show = fit_kwargs.get("verbose", 1) != 0
        sent = self._space.sent(self._call)
        with sent as space, as_keras_tuner_raises(), self._project.active(), watching(config, show) as watcher:
            how = {"counts_failed": True, **asdict(self._limits)}
            try:
                sweep.run(config, watcher, space, dataset, **how)
            except UnsavedModel as error:  # KerasTuner keeps weights alone
                raise StaysHere(str(error).splitlines()[0]) from error
        self._rows = first_rows(dataset)
        self.oracle.forget_space()
        if self.oracle.max_trials is None:
            close_grid(self._project)

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

        if self._reason:
            raise InputError(f"continue_trial: a trial of a worker is needed; {self._reason}")
        if self._options.executions_per_trial > 1:
            raise InputError("continue_trial: a trial of one execution is needed, not the mean of several")
        number = self.oracle.frozen(trial_id).number
        # the engine sets the number of epochs
        dataset, self._call, _ = read(
            fit_args, fit_kwargs | {"epochs": 1}, self._space.input_names, self._space.fits_itself
        )
        packed("callbacks", self._call.callbacks)
        with self._space.sent(self._call) as space, self._project.active():
            return continue_trial(self._project.study, number, epochs, space, dataset)

    def get_best_models(self, num_models: int = 1) -> list[keras.Model]:
        """The models of at most `num_models` best trials, with the weights of their best epochs, best first."""
        if self._reason:
            return list(super().get_best_models(num_models))
        trials = [trial for trial in self.oracle.ranked().values() if self.oracle.model_uri(trial)]
        return [self._model(trial) for trial in trials[:num_models]]

    def load_model(self, trial: Trial) -> keras.Model:
        """The model of one trial, with the weights of its best epoch.

        Raises:
            InputError: the trial is not complete, and has no model.
        """
        return super().load_model(trial) if self._reason else self._model(self.oracle.frozen(trial.trial_id))

    def save(self) -> None:
        """Save what a search in this process has; a study saves itself with each trial."""
        if self._reason:
            super().save()

    def reload(self) -> None:
        """Read an earlier search's state again."""
        if self._reason:
            super().reload()
        else:
            self.oracle.reload()

    def save_model(self, trial_id: str, model: keras.Model, step: int = 0) -> None:
        """Keep a trial's model for `load_model`; for a `run_trial` that trains by itself."""
        model.save_weights(self._get_checkpoint_fname(trial_id))
        utils.save_json(self._get_build_config_fname(trial_id), model.get_build_config())

    def _kept_model(self, trial: Trial) -> keras.Model | None:
        is_kept = Path(self._get_checkpoint_fname(trial.trial_id)).exists() or "load_model" in overridden(type(self))
        model = super()._kept_model(trial) if is_kept else None
        optimizer = getattr(model, "optimizer", None)  # there is none without `compile`
        if (
            model is not None and optimizer is not None and not optimizer.built
        ):  # a file without its variables is loaded with a warning
            with maybe_distribute(self.distribution_strategy):
                optimizer.build(model.trainable_variables)
        return model

    def _model(self, trial: FrozenTrial) -> keras.Model:
        from sweeps.export.logged_models import load_logged

        uri = self.oracle.model_uri(trial)
        if uri is None:
            raise InputError(f"a COMPLETE trial has a model, trial {trial.number} is {trial.state.name}")
        with self._project.active():
            return load_logged(self._project.study, uri, self._space.of(self._call))
