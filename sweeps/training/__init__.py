"""Training: `fit` with Keras's own signature and meaning, made fast on a CPU.

The files, in the order in which one call passes through them:

    fit.py         the straight line, and what Keras's `fit` does around an epoch
    text.py        text as tensors, which is how Keras takes it
    handover.py    what is left to Keras's own `fit`, and why
    checks.py      bad input, before anything is compiled
    arguments.py   what was given, as rows to train on and rows to validate on
    resident.py    arrays as tensors that stay in the process
    rows.py        rows, batches, and the order of an epoch
    preprocessing.py what is the same in every epoch, done once
    build.py       variables made before anything is traced
    dense_chain.py dense layers in a row, for `sweeps.dense_kernels`; all else goes on below
    dense_passes.py their passes
    passes.py      one epoch of training, one validation
    deferred.py    metrics of many steps at once
    loop.py        many steps as one graph
    kernels.py     TensorFlow's fused optimizer kernels in place of Keras's dozen operations
    compilation.py XLA or not, and the options under which a graph is made
    epochs.py      callbacks, metrics and validation, epoch by epoch

Between two models: `clearing.py`.
"""

from sweeps.training.clearing import clear_session
from sweeps.training.fit_model import fit
from sweeps.training.resident import keep_resident
from sweeps.training.text import as_tensors

__all__ = ["as_tensors", "clear_session", "fit", "keep_resident"]
