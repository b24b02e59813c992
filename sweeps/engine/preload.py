"""What the process that workers are forked from does once: it imports what a trial needs, and starts no thread.

Nothing is computed here: TensorFlow's and BLAS's threads would not be there in a forked process.
"""

import contextlib
import ctypes
import gc
import os
import signal

from sweeps.system.import_keras import silent

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _end_with_parent(signum: int = signal.SIGKILL) -> None:
    """Have the kernel end this process when its parent ends, however that ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(signum))


def _import() -> None:
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"}
    before = dict(os.environ)
    import distributed.nanny  # noqa: F401

    import sweeps.engine.warm_up
    import sweeps.trial.preflight
    import sweeps.trial.run  # noqa: F401
    from sweeps import dense_kernels
    from sweeps.engine.reuse import IMPORTED

    dense_kernels.load()
    IMPORTED.update({name: value for name, value in os.environ.items() if before.get(name) != value})


_end_with_parent()  # which would have to wait until all is imported
gc.disable()  # while modules are imported nothing becomes garbage, and every collection goes over all of them
with contextlib.suppress(Exception), silent():  # a worker meets it again, and says what is wrong
    _import()
gc.freeze()
gc.enable()
# from now on it waits for its parent's end; the thread that has started it may end before
_end_with_parent(0)
os.register_at_fork(after_in_child=_end_with_parent)
# each worker gets its parent's as it is when the worker is started
os.environ.clear()
