"""KerasTuner's own loop in this process, for what cannot run in another one; its trials are recorded like others."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.src.engine.hypermodel import get_hypermodel

from sweeps.config import SweepConfig, load_config
from sweeps.data import DataSource
from sweeps.errors import InputError
from sweeps.space.reference import PackedSpace
from sweeps.study.attributes import IDENTITY, TOTAL
from sweeps.study.budget import UNLIMITED
from sweeps.study.study import Objective, counted
from sweeps.trial.plan import CheckedSweep, Preflight, SweepRequest
from sweeps.tuner.described import Described
from sweeps.tuner.project import Project
from sweeps.tuner.totals import total_of

logger = logging.getLogger("sweeps.tuner")

#: what subclasses override of KerasTuner's tuners, and what only works where the tuner itself is
HOOKS = frozenset(
    {
        *("run_trial", "on_trial_begin", "on_trial_end", "on_epoch_begin", "on_epoch_end", "on_batch_begin"),
        *("on_batch_end", "save_model", "load_model", "pre_create_trial", "_build_and_fit_model", "_try_build"),
        *("_build_hypermodel", "_run_and_update_trial", "_try_run_and_update_trial", "_override_compile_args"),
        *("_populate_initial_space", "_deepcopy_callbacks", "_configure_tensorboard_dir"),
    }
)


def overridden(tuner: type) -> list[str]:
    """The hooks that a person's own class overrides."""
    own_classes = [cls for cls in tuner.__mro__ if not cls.__module__.startswith(("sweeps.tuner", "keras_tuner"))]
    return sorted(HOOKS & {name for cls in own_classes for name in vars(cls)})


class InProcess(BaseTuner):  # type: ignore[misc]
    """A tuner whose trials KerasTuner's own loop runs, one after another; see `keras_tuner.engine.base_tuner`.

    KerasTuner's files are in the study's folder.
    """

    #: why the trials cannot run in workers
    _reason = ""

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        hypermodel: Any = None,
        directory: str | os.PathLike[str] | None = None,
        project_name: str | None = None,
        overwrite: bool = False,
        logger: Any = None,
    ) -> None:
        if not isinstance(oracle, keras_tuner.Oracle):
            raise InputError(f"oracle: an instance of keras_tuner.Oracle is needed, got {type(oracle).__name__}")
        self.oracle, self.hypermodel, self.logger = oracle, get_hypermodel(hypermodel), logger
        self._project = Project.of(directory, project_name)
        self.directory, self.project_name = directory or ".", project_name or "untitled_project"
        self.tuner_id = os.environ.get("KERASTUNER_TUNER_ID", "tuner0")
        if overwrite:
            self._project.clear()
        self._said = False
        self._begin()

    def _begin(self) -> None:
        """Reload an earlier search, or find the search space, as KerasTuner does when a tuner is made."""
        self.oracle._set_project_dir(str(self._project.folder.parent), self._project.study)
        if self._project.exists and (self._project.folder / f"{self.tuner_id}.json").exists():
            print(f"Reloading Tuner from {self.project_dir}")
            self.reload()
        else:
            self._populate_initial_space()

    @property
    def project_dir(self) -> str:
        """The study's folder."""
        return str(self._project.folder)

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Search in this process; all arguments go to `run_trial`, as in KerasTuner."""
        if not self._said:
            self._said = True
            logger.warning(
                "%s: the trials run in this process, one after another; they are recorded as study %r",
                self._reason,
                self._project.study,
            )
        described = Described() if self.hypermodel is None else Described.of(fit_args, fit_kwargs)
        with self._project.active(), _quiet(), self._recorded(described):
            super().search(*fit_args, **fit_kwargs)

    @contextlib.contextmanager
    def _recorded(self, described: Described) -> Iterator[None]:
        """Record what the oracle is asked and told.

        Args:
            described: the data.
        """
        # these import MLflow: see `sweeps.tuner.base`
        from sweeps.engine.search import recorded
        from sweeps.study.attributes import PARENT_RUN
        from sweeps.study.record import make_record
        from sweeps.tuner.recorder import Recorder

        checked = self._checked(described)
        with recorded(checked, make_record(self._project.study), in_memory=True) as session:
            parent = session.study.user_attrs[PARENT_RUN]
            recorder = Recorder(session, parent, self.oracle.objective.name, self._kept_model, described.example)
            try:
                with _observed(self, recorder):
                    yield
            except BaseException as error:
                recorder.stop(error)
                raise
            finally:
                if checked.config.trials == UNLIMITED:
                    session.study.set_user_attr(TOTAL, len(counted(session.study)))

    def _kept_model(self, trial: Trial) -> keras.Model | None:
        """The Keras model of a trial that has ended, as `load_model` gives it; None where it gives none."""
        if type(self).load_model is BaseTuner.load_model:
            return None
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Skipping variable loading for optimizer", UserWarning)
                model = self.load_model(trial)
        except Exception:  # a person's own, or of what was not saved
            return None
        return model if isinstance(model, keras.Model) else None

    def _checked(self, described: Described) -> CheckedSweep:
        """What the study is begun with. Of data and hypermodel nothing is: KerasTuner compares neither."""
        study = self._project.open()
        known = study.user_attrs.get(IDENTITY) if study is not None else None
        objective = self.oracle.objective
        direction = "maximize" if objective.direction == "max" else "minimize"
        # KerasTuner's seeds may be of any size
        seed = int(known["seed"]) if known else int(self.oracle.seed) % 2**32
        space = type(self).__name__ if self.hypermodel is None else type(self.hypermodel).__name__
        config: SweepConfig = load_config(
            {
                "study": self._project.study,
                "space": known["space"] if known else space,
                "dataset": "arrays",
                "trials": total_of(self.oracle),
                "epochs": 1,
                "seed": seed,
                "sampler": "random",
                "pruner": "none",
                "jobs": 1,
                "baselines": False,
            }
        )
        request = SweepRequest(PackedSpace(b""), DataSource("arrays", as_given=True), (), (), (), seed, False)
        request = replace(request, counts_failed=True)
        found = Preflight(Objective(objective.name, direction), "", {}, described.about, frozenset(), (), ())
        return CheckedSweep(config, request, found)


@contextlib.contextmanager
def _observed(tuner: BaseTuner, recorder: Any) -> Iterator[None]:
    """Tell the recorder what the tuner's oracle, of whatever class, is asked and told while the block runs."""
    oracle, run_trial = tuner.oracle, tuner.run_trial
    create, end = oracle.create_trial, oracle.end_trial

    def create_trial(tuner_id: str) -> Trial:
        trial = create(tuner_id)
        if trial.status == TrialStatus.RUNNING:
            recorder.begin(trial)
        return trial

    def end_trial(*args: Any, **kwargs: Any) -> None:
        trial = args[0] if args else kwargs.get("trial", kwargs.get("trial_id"))
        try:
            end(*args, **kwargs)
        finally:  # it raises where too many have failed in a row
            recorder.end(oracle.trials[getattr(trial, "trial_id", trial)])

    def observed_run(trial: Trial, *args: Any, **kwargs: Any) -> Any:
        results = run_trial(trial, *args, **kwargs)
        recorder.histories(trial, results)
        return results

    oracle.create_trial, oracle.end_trial, tuner.run_trial = create_trial, end_trial, observed_run
    try:
        yield
    finally:
        del oracle.create_trial, oracle.end_trial, tuner.run_trial


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings that KerasTuner's lock of an oracle causes in newer versions of Python."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"keras_tuner\.src\.engine\.oracle")
        yield
