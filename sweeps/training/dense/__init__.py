"""Chains of dense layers, trained by kernels of their own: nothing is traced or compiled for a trial.

A step of such a network is a handful of small matrix products. TensorFlow runs some 100 operations around
them, each at a fixed cost, and XLA, which has none of that, compiles longer than a short trial trains. These
kernels are compiled once for all networks (Numba, cached on disk) and call BLAS for the products.

    chain.py        which models and which training this is for
    state.py        a model's variables and its optimizer's as arrays, and back
    passes.py       one epoch of training, one validation
    kernels.py      the steps
    updates.py      the optimizers
    activations.py  activations and their slopes
    blas.py         the matrix products
    compiling.py    how Numba compiles
"""

from sweeps.training.dense.chain import chain_of
from sweeps.training.dense.passes import DenseTraining, dense_passes

__all__ = ["DenseTraining", "chain_of", "dense_passes"]
