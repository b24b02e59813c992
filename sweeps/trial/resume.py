"""`model.fit` of a trial: begins where an earlier attempt at the trial stopped, and saves how far it has come."""

from __future__ import annotations

import inspect
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any, ClassVar

import keras

from sweeps.study.attributes import CONTINUES, RETRY_OF
from sweeps.training import fit
from sweeps.trial import snapshot
from sweeps.trial.checkpoint import Checkpoints, encode
from sweeps.trial.epochs import EpochWatch, TrialInterrupted
from sweeps.trial.files import SentCheckpoints
from sweeps.trial.fit_rows import first_rows
from sweeps.trial.snapshot import DoesNotFit
from sweeps.trial.task import TrialTask

logger = logging.getLogger(__name__)

AnyCheckpoints = Checkpoints | SentCheckpoints

#: seconds between two checkpoints at least, and the largest shares of the time that taking them may have, and writing
#: or sending them beside training
SAVE_EVERY, SHARE, WRITING_SHARE = 1.0, 0.01, 0.2

_SIGNATURE = inspect.signature(fit)


class TrialProgress:
    """How far a trial has come, from one attempt to the next.

    Args:
        checkpoints: where it is saved.
        number: under which number; that of the trial's first attempt.
        origin: the number of the trial whose seed this one has.
        begin: what to begin with: an earlier attempt's checkpoint, the last state of a trial that is trained on, or
            None.
        trains_on: whether it trains another trial on; it cannot begin anew then with what its space builds now.

    Attributes:
        last: the state after the last epoch, once that has ended; None where it cannot be continued.
        rounds: the epochs' metrics of the rounds that have ended.
        keep: `last` is to be kept.
        seconds_per_weight: what writing or sending the last checkpoint took, of whichever trial of this process.
    """

    seconds_per_weight: ClassVar[float] = 0.0

    def __init__(
        self, checkpoints: AnyCheckpoints, number: int, origin: int, begin: Any = None, trains_on: bool = False
    ) -> None:
        self.number, self.origin, self.begin, self.trains_on = number, origin, begin, trains_on
        self.last: Any = None
        self.keep = False
        self.rounds: list[list[dict[str, float]]] = [] if begin is None else list(begin.get("rounds", ()))
        self._checkpoints = checkpoints
        self._disk = ThreadPoolExecutor(1, "checkpoints")
        self._written: Future[None] | None = None

    @property
    def is_writing(self) -> bool:
        """Whether the disk is still busy with what was saved last."""
        return self._written is not None and not self._written.done()

    def end_round(self, epochs: list[dict[str, float]]) -> None:
        """The next attempt begins with the next round.

        Args:
            epochs: the metrics of each.

        Raises:
            OSError: see `save`.
        """
        self.rounds.append(epochs)
        self.begin = None
        self.save({"call": 0})  # no fit of the next round begins in the middle

    def save(self, state: Mapping[str, Any], weights: int = 0) -> None:
        """Begin to write; training need not wait for the disk.

        Args:
            weights: how many the model in it has.

        Raises:
            OSError: what was saved before could not be written.
        """
        self.wait()
        arrays: list[Any] = []
        document = json.dumps(encode({**state, "rounds": self.rounds}, arrays))
        self._written = self._disk.submit(self._write, document, arrays, weights)

    def _write(self, document: str, arrays: Sequence[Any], weights: int) -> None:
        began = time.perf_counter()
        self._checkpoints.write(self.number, document, arrays)
        if weights:
            TrialProgress.seconds_per_weight = (time.perf_counter() - began) / weights

    def wait(self) -> None:
        """Until what was saved is on the disk.

        Raises:
            OSError: it could not be written.
        """
        if self._written is not None:
            written, self._written = self._written, None
            written.result()

    def close(self) -> None:
        """The attempt has ended; what was saved is on the disk."""
        self._disk.shutdown()


def progress_of(task: TrialTask, checkpoints: AnyCheckpoints, states: AnyCheckpoints) -> TrialProgress:
    """Where a trial begins: where the attempts before it, or the trial that it trains on, have come to."""
    attributes = task.attributes
    begin = _load(checkpoints, task.first) if RETRY_OF in attributes else None
    if begin is None and CONTINUES in attributes:
        begin = _load(states, attributes[CONTINUES])
        # it may have been stopped early: this time it is asked to go on
        begin = begin and begin | {"stopped": False}
    return TrialProgress(checkpoints, task.first, task.origin, begin, CONTINUES in attributes)


def _load(checkpoints: AnyCheckpoints, number: int) -> Any:
    """A checkpoint; None where there is none that can be read."""
    try:
        return checkpoints.load(number)
    except ValueError as damage:
        logger.warning("What was saved of trial %d is damaged, it begins anew: %s", number, damage)
        return None


class ResumableFit:
    """In the place of `model.fit`: the fast `fit`, with one callback more that saves and restores.

    Only the fit whose every epoch the watch has seen is saved. What a person's own `HyperModel.fit` does beside it
    is done again by the next attempt, from the same seeds.

    Args:
        begin: called before anything is trained, when most spaces have asked for all of their hyperparameters.

    Attributes:
        example: the first rows that the last call was given, see `sweeps.trial.fit_rows`.
    """

    def __init__(
        self, model: keras.Model, seed: int, watch: EpochWatch, progress: TrialProgress, begin: Callable[[], None]
    ) -> None:
        self.model, self.seed, self.watch, self.progress, self.begin = model, seed, watch, progress, begin
        self.example: Any = None
        self._calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Train; arguments and result are those of `model.fit`."""
        self.begin()
        self._calls += 1
        self.progress.last = None
        bound = _SIGNATURE.bind(self.model, *args, **kwargs)
        bound.arguments.setdefault("seed", self.seed)
        self.example = first_rows(bound.arguments.get("x"))
        given = bound.arguments.get("callbacks")
        if isinstance(given, keras.callbacks.CallbackList):
            return fit(*bound.args, **bound.kwargs)
        callbacks = keras.tree.flatten(given) if given else []
        saver = _Saver(callbacks, self._calls, self.watch, self.progress)
        bound.arguments["callbacks"] = [*callbacks, saver]
        self.watch.followed = True  # by the saver, which is told to stop in its place
        try:
            history = fit(*bound.args, **bound.kwargs)
        finally:
            self.watch.followed = False
            self.model._initial_epoch = None
        return saver.complete(history)


class _Saver(keras.callbacks.Callback):  # type: ignore[misc]
    """The last callback of a fit: what it saves is the state after all others have had their epoch."""

    def __init__(
        self, others: Sequence[keras.callbacks.Callback], call: int, watch: EpochWatch, progress: TrialProgress
    ) -> None:
        super().__init__()
        self._others = [other for other in others if other is not watch]
        self._call, self._watch, self._progress = call, watch, progress
        self._logs: dict[str, list[Any]] = {}
        self._restored = 0
        self._settings: list[dict[str, str]] = []
        self._saved, self._cost = 0.0, 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore; Keras asks `_initial_epoch` afterwards, as it does for `BackupAndRestore`."""
        self._settings = [snapshot.settings_of(other) for other in self._others]
        begin = self._progress.begin
        if begin is not None and begin["call"] == self._call:
            self._progress.begin = None
            try:
                self._restore(begin)
            except DoesNotFit as reason:
                if self._progress.trains_on:
                    raise DoesNotFit(f"the last state does not fit what the space builds now: {reason}") from None
                logger.warning("The checkpoint is left alone, the trial begins anew: %s", reason)
        self._saved = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save, where enough has been trained since the last time.

        Raises:
            TrialInterrupted: the sweep is ending.
        """
        for name, value in (logs or {}).items():
            one = value if isinstance(value, int | float) else keras.ops.convert_to_numpy(value)
            self._logs.setdefault(name, []).append(one)
        stop = self._watch.stopped()
        if self._watch.epochs_done == epoch + 1:
            last = self.model.stop_training or epoch + 1 == self.params["epochs"]
            due = time.perf_counter() - self._saved >= self._pause()
            if stop or last or due:
                self._save(epoch + 1, last, stop or (due and not self._progress.is_writing))
        if stop:
            self._progress.wait()
            raise TrialInterrupted(f"interrupted after epoch {epoch + 1} of {self.params['epochs']}")

    def complete(self, history: keras.callbacks.History) -> keras.callbacks.History:
        """Keras's History with the epochs that were restored in front of those that were trained."""
        if self._restored:
            history.history = self._logs
            history.epoch = list(range(self._restored)) + list(history.epoch)
        return history

    @cached_property
    def _weights(self) -> int:
        count: int = self.model.count_params()  # once it is built
        return count

    def _pause(self) -> float:
        """Seconds between two checkpoints, by what taking the last one and writing it cost."""
        return max(SAVE_EVERY, self._cost / SHARE, self._weights * self._progress.seconds_per_weight / WRITING_SHARE)

    def _save(self, epoch: int, last: bool, write: bool) -> None:
        # of this thread, since on a busy machine both training and saving wait for a core
        began = time.thread_time()
        state = {
            "call": self._call,
            "epoch": epoch,
            "stopped": bool(self.model.stop_training),
            "logs": self._logs,
            "watch": self._watch.state(),
            "callbacks": [
                [type(other).__name__, snapshot.state_of(other, settings)]
                for other, settings in zip(self._others, self._settings, strict=True)
            ],
            "training": snapshot.take(self.model),
        }
        if last:
            self._progress.last = state
        if write:
            self._progress.save(state, self._weights)
            self._saved = time.perf_counter()
            self._cost = time.thread_time() - began

    def _restore(self, state: dict[str, Any]) -> None:
        names = [type(other).__name__ for other in self._others]
        if names != [name for name, _ in state["callbacks"]]:
            raise DoesNotFit(f"it holds the callbacks {[name for name, _ in state['callbacks']]}, not {names}")
        snapshot.put_back(self.model, state["training"])
        self._watch.put_back(state["watch"], self.model)
        for other, (_, kept) in zip(self._others, state["callbacks"], strict=True):
            vars(other).update(kept)
        self._logs, self._restored = state["logs"], state["epoch"]
        # a trial that a callback had stopped stays so, unless it is to be trained on
        self.model._initial_epoch = self.params["epochs"] if state["stopped"] else state["epoch"]
