"""Callbacks of epochs behave as under Keras's own `fit`."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sweeps.training import fit

from .conftest import Data, classifier

# Keras reads its variables in a way that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class _Recorder(keras.callbacks.Callback):
    """Every event of an epoch or a training, with what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, Any]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.events.append(("train begins", logs))

    def on_train_end(self, logs: Any = None) -> None:
        self.events.append(("train ends", sorted(logs)))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.events.append((f"epoch {epoch} begins", logs))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        assert all(isinstance(value, float) for value in logs.values())
        self.events.append((f"epoch {epoch} ends", list(logs)))

    def on_test_begin(self, logs: Any = None) -> None:
        self.events.append(("test begins", logs))

    def on_test_end(self, logs: Any = None) -> None:
        self.events.append(("test ends", list(logs)))


Make = Callable[[], keras.callbacks.Callback]


def both(data: Data, make: Make, **arguments: Any) -> tuple[Any, Any, Any, Any]:
    """Our model and callback, Keras's model and callback, after the same training without shuffling."""
    results: list[Any] = []
    for train in (fit, keras.Model.fit):
        model, callback = classifier(), make()
        history = train(
            model,
            data.x,
            data.labels,
            batch_size=8,
            verbose=0,
            shuffle=False,
            callbacks=[callback],
            validation_data=(data.x[:30], data.labels[:30]),
            **{"epochs": 4, **arguments},
        )
        assert getattr(history, "handed_over", None) is None
        results += [model, callback]
    ours, theirs = results[0], results[2]
    assert list(ours.history.history) == list(theirs.history.history)
    for name, values in theirs.history.history.items():
        np.testing.assert_allclose(ours.history.history[name], values, atol=1e-5, err_msg=name)
    for mine, its in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-5)
    return ours, results[1], theirs, results[3]


def test_events_come_in_keras_order_with_keras_logs(data: Data) -> None:
    _, mine, _, its = both(data, _Recorder, epochs=2, validation_freq=2)
    assert mine.events == its.events


def test_early_stopping_stops_at_the_same_epoch_and_restores_the_same_weights(data: Data) -> None:
    def make() -> keras.callbacks.Callback:
        return keras.callbacks.EarlyStopping("val_loss", patience=1, min_delta=0.3, restore_best_weights=True)

    ours, mine, _, its = both(data, make, epochs=30)
    assert mine.stopped_epoch == its.stopped_epoch
    assert len(ours.history.history["loss"]) < 30


def test_reduce_lr_on_plateau_reduces_at_the_same_epochs(data: Data) -> None:
    def make() -> keras.callbacks.Callback:
        return keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=0.5)

    ours, _, _, _ = both(data, make, epochs=6)
    assert ours.history.history["learning_rate"][-1] < 0.1


def test_learning_rate_scheduler_sets_the_rate_of_each_epoch(data: Data) -> None:
    ours, _, _, _ = both(data, lambda: keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)))
    np.testing.assert_allclose(ours.history.history["learning_rate"], [0.1, 0.05, 0.1 / 3, 0.025], rtol=1e-6)


def test_model_checkpoint_saves_the_model_of_the_best_epoch(data: Data, tmp_path: Path) -> None:
    paths = iter([tmp_path / "ours.keras", tmp_path / "theirs.keras"])

    def make() -> keras.callbacks.Callback:
        return keras.callbacks.ModelCheckpoint(next(paths), monitor="val_loss", save_best_only=True)

    both(data, make)
    ours, theirs = (keras.models.load_model(tmp_path / f"{name}.keras") for name in ("ours", "theirs"))
    for mine, its in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-5)
    assert ours.optimizer.iterations.numpy() == theirs.optimizer.iterations.numpy()


def test_backup_and_restore_continues_where_a_broken_training_stopped(data: Data, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"batch_size": 8, "verbose": 0, "seed": 3, "epochs": 4}
    whole = classifier("adam")
    fit(whole, data.x, data.labels, **arguments)

    def backup() -> keras.callbacks.Callback:
        return keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)

    def breaks(epoch: int, logs: Any) -> None:
        if epoch == 2:
            raise RuntimeError("power cut")

    broken = classifier("adam")
    with pytest.raises(RuntimeError, match="power cut"):
        fit(
            broken,
            data.x,
            data.labels,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=breaks), backup()],
            **arguments,
        )
    resumed = classifier("adam")
    # Built first: Keras restores the optimizer's state into a model that has one.
    resumed.optimizer.build(resumed.trainable_variables)
    history = fit(resumed, data.x, data.labels, callbacks=[backup()], **arguments)
    assert history.epoch == [2, 3]
    for mine, its in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_csv_logger_writes_the_same_columns_and_values(data: Data, tmp_path: Path) -> None:
    paths = iter([tmp_path / "ours.csv", tmp_path / "theirs.csv"])
    both(data, lambda: keras.callbacks.CSVLogger(str(next(paths))))
    ours, theirs = (
        list(csv.reader((tmp_path / f"{name}.csv").read_text().splitlines())) for name in ("ours", "theirs")
    )
    assert ours[0] == theirs[0]
    np.testing.assert_allclose(np.array(ours[1:], float), np.array(theirs[1:], float), atol=1e-5)


def _scalars(folder: Path) -> dict[tuple[str, int], float]:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    found: dict[tuple[str, int], float] = {}
    for path in sorted(folder.rglob("events.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    found[f"{path.parent.name}/{value.tag}", event.step] = float(tf.make_ndarray(value.tensor))
    return found


def test_tensorboard_shows_the_same_scalars(data: Data, tmp_path: Path) -> None:
    paths = iter([tmp_path / "ours", tmp_path / "theirs"])
    both(data, lambda: keras.callbacks.TensorBoard(str(next(paths))))
    ours, theirs = _scalars(tmp_path / "ours"), _scalars(tmp_path / "theirs")
    assert len(ours) == 4 * 7
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        assert ours[key] == pytest.approx(value, abs=1e-4), key


def test_a_lambda_callback_may_stop_the_training(data: Data) -> None:
    model = classifier()

    def stop(epoch: int, logs: Any) -> None:
        model.stop_training = epoch == 1

    callback = keras.callbacks.LambdaCallback(on_epoch_end=stop)
    history = fit(model, data.x, data.labels, epochs=5, verbose=0, callbacks=callback)
    assert history.epoch == [0, 1]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_a_callback_raises_reaches_the_caller_and_leaves_a_model_that_trains_on(
    error: type[BaseException], data: Data
) -> None:
    def raises(epoch: int, logs: Any) -> None:
        raise error("pruned")

    model = classifier("adam")
    with pytest.raises(error, match="pruned"):
        fit(
            model,
            data.x,
            data.labels,
            epochs=5,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=raises)],
        )
    assert model.optimizer.iterations.numpy() == 4
    assert "_backend_update_step" not in vars(model.optimizer)
    model.fit(data.x, data.labels, verbose=0)
    assert model.optimizer.iterations.numpy() == 8


@pytest.mark.parametrize("verbose", [1, 2, "auto"])
def test_the_progress_bar_shows_each_epoch(verbose: Any, data: Data, capsys: pytest.CaptureFixture[str]) -> None:
    fit(classifier(), data.x, data.labels, epochs=2, verbose=verbose, validation_data=(data.x, data.labels))
    shown = capsys.readouterr().out
    assert "Epoch 2/2" in shown
    assert "4/4" in shown
    assert "val_accuracy" in shown


def test_silence_is_silent(data: Data, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    tf.get_logger().addHandler(caplog.handler)
    try:
        for _ in range(8):
            fit(classifier(), data.x, data.labels, epochs=1, verbose=0)
    finally:
        tf.get_logger().removeHandler(caplog.handler)
    assert capfd.readouterr().out == ""
    assert caplog.records == []
