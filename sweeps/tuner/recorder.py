"""Trials that KerasTuner's own loop runs here, recorded like those of workers: in the study and in MLflow."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import optuna
from keras_tuner.engine import hyperparameters as kinds
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.trial import TrialState

from sweeps.engine.session import StudySession
from sweeps.errors import InputError, SweepError, without_passwords
from sweeps.space.domains import canonical, study_parameter
from sweeps.study import retries
from sweeps.study import study as studies
from sweeps.study.attributes import (
    CUT_SHORT,
    EPOCH,
    ERROR,
    INTERRUPTION,
    MODEL_SHA256,
    MODEL_URI,
    NO_MODEL,
    PARAMS,
    RETRY_OF,
    RUN_ID,
    TUNER_TRIAL,
)
from sweeps.study.trial_name import trial_name
from tracking import TrialRun


@dataclass
class _Attempt:
    """A trial of the study that is running, with its run."""

    trial: optuna.Trial
    run: TrialRun
    open: contextlib.ExitStack
    has_epochs: bool = False


class Recorder:
    """Records each attempt at a trial of KerasTuner's as a trial of the study.

    Args:
        session: of the study.
        parent: the id of the sweep's run.
        objective: the objective's name.
        kept_model: gives the Keras model of a trial that has ended; None where there is none.
        example: the first rows that it takes; None where they are not known.
    """

    def __init__(
        self,
        session: StudySession,
        parent: str,
        objective: str,
        kept_model: Callable[[Trial], keras.Model | None],
        example: Any,
    ) -> None:
        self._session, self._parent, self._objective = session, parent, objective
        self._kept_model, self._example = kept_model, example
        self._running: dict[str, _Attempt] = {}

    def begin(self, trial: Trial) -> None:
        """An attempt at a trial begins; it follows those that were made before, in this process or in another."""
        study, stack = self._session.study, contextlib.ExitStack()
        claimed = self._session.claims.claim(study, self._session.budget, self._waiting(trial.trial_id))
        begun = stack.enter_context(claimed)
        assert begun is not None  # whatever the total, where its number is given
        former = begun.user_attrs.get(RETRY_OF)
        tags = {TUNER_TRIAL: trial.trial_id} | ({} if former is None else {RETRY_OF: str(former)})
        run = TrialRun(self._session.store, self._parent, begun.number, tags)
        begun.set_user_attr(RUN_ID, run.run_id)
        self._running[trial.trial_id] = _Attempt(begun, run, stack)

    def _waiting(self, trial_id: str) -> int:
        """The number of a trial of the study that waits to be the next attempt."""
        study = self._session.study
        known = [each for each in study.get_trials(deepcopy=False) if each.user_attrs.get(TUNER_TRIAL) == trial_id]
        if not known:
            return retries.enqueue(study, {}, {TUNER_TRIAL: trial_id})
        return known[-1].number if known[-1].state == TrialState.WAITING else retries.retry(study, known[-1].number)

    def histories(self, trial: Trial, results: Any) -> None:
        """What `run_trial` returned: the metrics of each epoch, where it is a History or a list of them."""
        attempt = self._running.get(trial.trial_id)
        listed = results if isinstance(results, list) else [results]
        if attempt is None or not all(isinstance(each, keras.callbacks.History) for each in listed):
            return
        attempt.has_epochs = True
        for execution, history in enumerate(listed, 1):
            suffix = "" if execution == 1 else f"_execution_{execution}"
            epochs = max(map(len, history.history.values()), default=0)
            for epoch in range(epochs):
                metrics = {
                    f"{name}{suffix}": float(values[epoch])
                    for name, values in history.history.items()
                    if epoch < len(values)
                }
                attempt.run.log_metrics(metrics, step=epoch + 1)

    def end(self, trial: Trial) -> None:
        """The attempt has ended as the trial says."""
        attempt = self._running.pop(trial.trial_id, None)
        if attempt is None:  # a trial that KerasTuner has ended before
            return
        params = {name: plain(value) for name, value in trial.hyperparameters.values.items()}
        attempt.trial.set_user_attr(PARAMS, params)
        attempt.run.log_params(params)
        self._keep_parameters(attempt.trial, trial)
        attempt.run.rename(trial_name(attempt.trial))
        if trial.status == TrialStatus.COMPLETED:
            self._complete(attempt, trial)
        else:
            message = trial.message or f"{self._objective} is {trial.score}"
            self._fail(attempt, message, "FAIL")

    def stop(self, error: BaseException) -> None:
        """What is running is ended by an error that ends the search; by Ctrl-C it is to be tried again."""
        for attempt in self._running.values():
            interrupted = not isinstance(error, Exception)
            if interrupted:
                attempt.trial.set_user_attr(CUT_SHORT, INTERRUPTION)
            state = "INTERRUPTED" if interrupted else "FAIL"
            self._fail(attempt, f"{type(error).__name__}: {error}", state)
        self._running = {}

    def _complete(self, attempt: _Attempt, trial: Trial) -> None:
        epoch, value = int(trial.best_step or 0) + 1, float(trial.score)
        for name in () if attempt.has_epochs else trial.metrics.metrics:
            for observation in trial.metrics.get_history(name):
                attempt.run.log_metrics({name: float(observation.mean())}, step=int(observation.step) + 1)
        if math.isfinite(value):
            attempt.run.log_metrics({f"best_{self._objective}": value}, step=epoch)
        attempt.run.set_tags({"best_epoch": epoch})
        attempt.trial.set_user_attr(EPOCH, epoch)
        attempt.trial.set_user_attr(MODEL_URI, NO_MODEL)
        if self._is_best(value) and (model := self._kept_model(trial)) is not None:
            self._log_model(attempt, model)
        self._close(attempt, "COMPLETE", value)

    def _is_best(self, value: float) -> bool:
        """Whether it is better than all before; of other trials KerasTuner's files have the models."""
        study = self._session.study
        objective = studies.objective_of(study)
        best = next(iter(objective.ranked(study.get_trials(deepcopy=False))), None)
        return math.isfinite(value) and objective.better(value, best.value if best else None)

    def _log_model(self, attempt: _Attempt, model: keras.Model) -> None:
        from sweeps.trial.record import example_of  # imports Numba, which few searches need here
        from tracking.models import write_model
        from tracking.store import SHA256

        example, output = None, None
        if self._example is not None:
            example, output = example_of(attempt.run, model, self._example)
        params = attempt.trial.user_attrs[PARAMS]
        try:
            logged = write_model(attempt.run.begin_model(params), model, example, output)
        except (SweepError, OSError):
            raise
        except Exception as error:  # of a person's own class; KerasTuner's files have the weights
            attempt.run.set_tags({"no_model": f"{type(error).__name__}: {error}".splitlines()[0]})
            return
        attempt.trial.set_user_attr(MODEL_URI, logged["model_uri"])
        attempt.trial.set_user_attr(MODEL_SHA256, logged[SHA256])
        attempt.run.set_tags(logged)

    def _fail(self, attempt: _Attempt, message: str, state: str) -> None:
        lines = [line for line in without_passwords(message).splitlines() if line.strip()]
        error = lines[-1] if lines else state
        attempt.trial.set_user_attr(ERROR, error)
        attempt.run.set_tags({"error": error[:500]})
        attempt.run.log_text("\n".join(lines), "error.txt")
        self._close(attempt, state, None)

    def _close(self, attempt: _Attempt, state: str, value: float | None) -> None:
        """The run first, the study last: a trial that counts has nothing left to lose."""
        with attempt.open:
            attempt.run.state = state
            attempt.run.close()
            told = TrialState.COMPLETE if state == "COMPLETE" else TrialState.FAIL
            self._session.study.tell(attempt.trial, value, told)

    def _keep_parameters(self, begun: optuna.Trial, trial: Trial) -> None:
        """The values as parameters of the study, where they are ones that Optuna knows; `PARAMS` has them all."""
        hp = trial.hyperparameters
        for declared in hp.space:
            if isinstance(declared, kinds.Fixed) or declared.name not in hp.values or not hp.is_active(declared):
                continue
            # an oracle of one's own may propose what was not declared, or change what is declared
            with contextlib.suppress(InputError, ValueError, AttributeError):
                parameter = study_parameter(declared)
                stored = parameter.stored(canonical(declared, plain(hp.values[declared.name])))
                internal = parameter.distribution.to_internal_repr(stored)
                begun.storage.set_trial_param(begun._trial_id, parameter.name, internal, parameter.distribution)


def plain(value: Any) -> Any:
    """A value of Python's own types, as the study's journal takes it."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    return value.item() if hasattr(value, "item") else value
