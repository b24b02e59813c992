"""Training: `fit` with Keras's own signature and meaning, made fast on a CPU.

The files, in the order in which one call passes through them:

    fit.py         the straight line, and what Keras's `fit` does around an epoch
    checks.py      bad input, before anything is compiled
    handover.py    what is left to Keras's own `fit`, and why
    resident.py    arrays as tensors that stay in the process
    rows.py        which rows are trained on, which are validated on, in which order
    build.py       variables made before anything is traced
    loop.py        many steps as one graph
    kernels.py     TensorFlow's fused optimizer kernels in place of Keras's dozen operations
    compilation.py XLA or not, and the options under which a graph is made
"""

from sweeps.training.fit import fit

__all__ = ["fit"]
