"""Dense layers in a row, trained by kernels of their own: nothing is traced or compiled for a network.

Arrays in, arrays out: this package knows neither Keras nor the rest of `sweeps`. README.md has the formulas, the layout
of the arrays, and how to add an activation. Numba is imported by what needs it alone: ask `supported()` before.

    target.py       whether Numba's target has the instructions; the off-switch
    cache.py        where compiled kernels are kept
    network.py      a network, its parameters as arrays
    runner.py       steps over rows of data: `Runner`
    kernels.py      forward, loss, backward, update: one kernel for all depths and widths
    losses.py       losses and their derivatives
    updates.py      optimizers
    activations.py  activations and their slopes
    dropout.py      Dropout, with TensorFlow's random numbers
    products.py     matrix products that pass over zeros
    vectors.py      vectors of floats as values of compiled functions
    memory.py       numbers in memory: single ones, bits, tiles
    llvm.py         LLVM's vectors as a type of Numba's
    compiling.py    how Numba compiles
    reference.py    the same in NumPy, for tests
"""

from sweeps.dense_kernels.cache import is_compiled
from sweeps.dense_kernels.target import description, give_up, lanes, supported

__all__ = ["compilation_is_due", "compile_ahead", "description", "give_up", "lanes", "supported"]


def compilation_is_due() -> bool:
    """Whether the first training of this machine will compile the kernels."""
    return not is_compiled() and supported() is None


def compile_ahead() -> None:
    """Compile the kernels, where they are supported and not on disk yet, and keep them there: some 15 s."""
    if supported() is not None:
        return
    from sweeps.dense_kernels.runner import compile_kernels

    try:
        compile_kernels()
    except Exception as error:  # whatever Numba and LLVM raise
        give_up(error)
