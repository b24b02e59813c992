"""Training of a chain of dense layers by precompiled kernels: nothing is traced or compiled for a network.

Arrays in, arrays out: this package knows neither Keras nor the rest of `sweeps`. README.md has the formulas, the layout
of the arrays, and how to add an activation. Call `supported()` before importing a module that needs Numba.

    target.py          whether Numba's target has the instructions; the off-switch
    cache.py           where compiled kernels are kept
    network.py         the description of a network; its parameters as arrays
    runner.py          `Runner`: steps over rows of data
    kernels.py         forward, loss, backward and update; one kernel for all depths and widths
    hidden.py          what follows the product in a hidden layer
    losses.py          losses and their gradients
    updates.py         optimizers
    activations.py     activations and their derivatives
    normalization.py   batch normalization
    approximations.py  tanh, erf and others that compile to vector instructions
    dropout.py         Dropout, with TensorFlow's random numbers
    products.py        matrix products that skip zeros
    vectors.py         SIMD vectors of floats as values of compiled functions
    memory.py          scalars, bit masks and tiles in memory
    llvm.py            LLVM's vectors as a Numba type
    compiling.py       Numba's options and cache
    reference.py       the same computations in NumPy, for tests
"""

from sweeps.dense_kernels.cache import is_compiled
from sweeps.dense_kernels.target import description, forget, give_up, lanes, supported

__all__ = ["compilation_is_due", "compile_ahead", "description", "give_up", "lanes", "load", "supported"]


def compilation_is_due() -> bool:
    """Whether the next training on this machine will compile the kernels first."""
    return not is_compiled() and supported() is None


def compile_ahead() -> None:
    """Compile the kernels to disk (about 20 s), if they are supported and not compiled yet."""
    if supported() is not None:
        return
    from sweeps.dense_kernels.runner import compile_kernels

    try:
        compile_kernels()
    except Exception as error:  # any error of Numba and LLVM
        give_up(error)


def load() -> None:
    """Load the kernels, if they are compiled, for the processes that are forked from this one.

    Nothing here starts a thread. Whether the kernels are supported each process finds out by its own environment.
    """
    if is_compiled():
        compile_ahead()
    forget()
