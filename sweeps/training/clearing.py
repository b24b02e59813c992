"""Between two models: Keras's global state is let go of, what the next model needs again is kept."""

from __future__ import annotations

import gc
import itertools
import threading

import keras
import tensorflow as tf
from keras.src.backend.common import global_state

#: calls of `clear_session` to one that lets go of everything
FULL_EVERY = 16

_calls = itertools.count(1)


def clear_session() -> None:
    """What `keras.utils.clear_session` does, except for TensorFlow's compiled operations.

    Each trial would compile the same ones again (variables of the usual shapes, their initial values, optimizers,
    metrics), which takes 30 ms. Graphs are among them too, so that every sixteenth call lets go of all.
    """
    if next(_calls) % FULL_EVERY == 0:
        keras.utils.clear_session()
        return
    global_state.GLOBAL_STATE_TRACKER = threading.local()
    global_state.GLOBAL_SETTINGS_TRACKER = threading.local()
    tf.compat.v1.reset_default_graph()
    gc.collect()
