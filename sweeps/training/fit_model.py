"""`fit`: the steps of one training.

Follows `keras/src/backend/tensorflow/trainer.py` (3.15): a training step is the model's `train_step` (or that step
with deferred metrics), an evaluation step its `test_step`.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweeps import dense_kernels
from sweeps.training.arguments import training_and_validation_rows
from sweeps.training.build import build
from sweeps.training.checks import check_numbers, check_shapes, check_weights
from sweeps.training.dense_chain import chain_of
from sweeps.training.epochs import Epochs, Evaluate, TrainEpoch
from sweeps.training.handover import HandoverError, reason_for_keras
from sweeps.training.passes import TrainingPass, ValidationPass
from sweeps.training.preprocessing import preprocess
from sweeps.training.resident import RESIDENT
from sweeps.training.rows import Order, Rows
from sweeps.training.text import as_tensors

logger = logging.getLogger(__name__)


def fit(
    model: Any,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: str | int = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool | str = True,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int | list[int] = 1,
    *,
    seed: int | None = None,
    jit: bool | str = "auto",
) -> keras.callbacks.History:
    """Train `model` as `model.fit` does, with the same result, in less time.

    Args:
        model: a compiled Keras model. Arguments that are not listed here have Keras's meaning.
        seed: an epoch's permutation is determined by `seed` and the epoch, so that `fit(initial_epoch=k, seed=s)` on
            a restored model continues an interrupted training exactly. None: drawn from NumPy's global state, which
            `keras.utils.set_random_seed` sets.
        jit: whether XLA compiles the epoch. `"auto"`: `sweeps.dense_kernels` where they support the model,
            otherwise a graph, with XLA where it saves time (`compilation.py`).

    Returns:
        Keras's History with three more attributes: `timings`, the seconds of "compile", "train" and "validate";
        `by_kernels`, whether `sweeps.dense_kernels` trained the model; `handed_over`, the reason why Keras's own
        `fit` trained it, or None.

    Raises:
        ValueError: the input is invalid; raised before anything is compiled.
    """
    model._assert_compile_called("fit")
    check_numbers(batch_size, epochs, initial_epoch, validation_batch_size)
    x, validation_data = as_tensors(x, RESIDENT.tensor), _with_tensors(validation_data)
    keras_arguments = {
        "x": x,
        "y": y,
        "batch_size": batch_size,
        "epochs": epochs,
        "verbose": verbose,
        "callbacks": callbacks,
        "validation_split": validation_split,
        "validation_data": validation_data,
        "shuffle": shuffle,
        "class_weight": class_weight,
        "sample_weight": sample_weight,
        "initial_epoch": initial_epoch,
        "steps_per_epoch": steps_per_epoch,
        "validation_steps": validation_steps,
        "validation_batch_size": validation_batch_size,
        "validation_freq": validation_freq,
    }
    reason = reason_for_keras(
        model, (x, y, sample_weight, validation_data), callbacks, (steps_per_epoch, validation_steps)
    )
    if reason is not None:
        return _hand_over(model, reason, keras_arguments)
    check_weights(sample_weight, class_weight)
    training, validation = training_and_validation_rows(
        (x, y, sample_weight),
        class_weight,
        batch_size,
        validation_split,
        validation_data,
        validation_batch_size,
    )
    for rows in (training, validation):
        if rows is not None:
            check_shapes(model, rows)
    began = time.perf_counter()
    try:
        passes = _compile(model, training, validation, epochs - initial_epoch, jit)
    except HandoverError as error:
        return _hand_over(model, str(error), keras_arguments)
    timings = {"compile": time.perf_counter() - began, "train": 0.0, "validate": 0.0}
    container = keras.callbacks.CallbackList(
        callbacks,
        add_history=True,
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=epochs,
        steps=training.steps,
        model=model,
    )
    run_seed = int(np.random.randint(2**31)) if seed is None else seed

    def order(epoch: int) -> Order:
        return training.order(shuffle, run_seed, epoch)

    Epochs(model, container, *passes, validation_freq, order, timings).run(initial_epoch, epochs)
    model.history.timings, model.history.handed_over = timings, None
    model.history.by_kernels = not isinstance(passes[0], TrainingPass | None)
    return model.history


def _compile(
    model: Any, training: Rows, validation: Rows | None, epochs: int, jit: bool | str
) -> tuple[TrainEpoch | None, Evaluate | None]:
    """Trace and compile training and validation; no step is taken."""
    if epochs <= 0:
        return None, None
    model, training, validation = preprocess(model, training, validation)
    build(model, training)
    by_kernels = _compile_kernels(model, training, validation) if jit == "auto" else None
    if by_kernels is not None:
        return by_kernels
    training_pass = _compile_training(model, training, epochs, jit)
    if validation is None:
        return training_pass, None
    validation_pass = ValidationPass(model, validation, epochs)
    validation_pass.compile()
    return training_pass, validation_pass


def _compile_kernels(model: Any, training: Rows, validation: Rows | None) -> tuple[TrainEpoch, Evaluate | None] | None:
    """Training and validation by `sweeps.dense_kernels`; None where they do not support the model."""
    chain = chain_of(model, training, validation)
    if chain is None:
        return None
    from sweeps.training.dense_passes import dense_passes  # imports Numba, which may be missing

    try:
        return dense_passes(model, chain, training, validation)
    except Exception as error:  # any error of Numba and LLVM: a graph can train it as well
        dense_kernels.give_up(error)
        logger.warning("Training dense layers by a TensorFlow graph: %s", dense_kernels.supported())
        return None


def _compile_training(model: Any, rows: Rows, epochs: int, jit: bool | str) -> TrainingPass:
    training_pass = TrainingPass(model, rows, epochs, jit)
    try:
        training_pass.compile()
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
        if jit != "auto" or not training_pass.xla:
            raise
        logger.info("Training without XLA, which cannot compile this model: %s", error)
        training_pass = TrainingPass(model, rows, epochs, False)
        training_pass.compile()
    return training_pass


def _with_tensors(validation_data: Any) -> Any:
    """`validation_data` with text as tensors; what is not (x, y) or (x, y, sample_weight) stays as it is."""
    if not isinstance(validation_data, tuple | list) or not validation_data:
        return validation_data
    x, *rest = validation_data
    return (as_tensors(x, RESIDENT.tensor), *rest)


def _hand_over(model: Any, reason: str, arguments: dict[str, Any]) -> keras.callbacks.History:
    """Train by Keras's `fit`, of the class: the instance's may have been replaced by this module's."""
    logger.info("Training with Keras's own fit: %s", reason)
    began = time.perf_counter()
    history = type(model).fit(model, **arguments)
    # Keras does not report the time of compilation and validation: all of it counts as training
    history.timings = {"compile": 0.0, "train": time.perf_counter() - began, "validate": 0.0}
    history.handed_over, history.by_kernels = reason, False
    return history
