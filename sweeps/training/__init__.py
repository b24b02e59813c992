"""Training: `fit` with the signature and meaning of Keras's `fit`, made fast on a CPU.

The files, in the order in which one call passes through them:

    fit_model.py         the steps of one `fit`
    text.py              text as tensors, as Keras requires it
    handover.py          what is left to Keras's own `fit`, and why
    checks.py            validation of the input, before anything is compiled
    arguments.py         the arguments as training and validation rows
    resident.py          arrays as tensors that stay in the process
    rows.py              rows, batches, and the order of an epoch
    preprocessing.py     preprocessing layers, run once instead of in every epoch
    build.py             variables, created before anything is traced
    dense_chain.py       models that `sweeps.dense_kernels` can train; any other model is trained by a graph
    dense_blocks.py      their layers as blocks: a dense layer, normalization, activation and Dropout
    dense_optimizers.py  their optimizers as updates of the kernels
    dense_passes.py      their training epoch and validation
    passes.py            training epoch and validation of a graph
    deferred.py          metrics of many steps at once
    loop.py              many steps as one graph
    kernels.py           TensorFlow's fused optimizer kernels
    compilation.py       whether to use XLA, and TensorFlow's options for graphs
    epochs.py            callbacks, metrics and validation, epoch by epoch

Between two models: `clearing.py`.
"""

from sweeps.training.clearing import clear_session
from sweeps.training.fit_model import fit
from sweeps.training.resident import keep_resident
from sweeps.training.text import as_tensors

__all__ = ["as_tensors", "clear_session", "fit", "keep_resident"]
