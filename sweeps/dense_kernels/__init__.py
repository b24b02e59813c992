"""Chains of dense layers, trained by kernels of their own: nothing is traced or compiled for a trial.

A step of such a network is a handful of small matrix products, and half of what they multiply is zero: the dark
pixels of an image, what a ReLU holds back. These kernels pass over it, which no general product does, and have none
of TensorFlow's fixed costs a step or XLA's a trial. They are compiled once for all networks (Numba, kept on disk).

    chain.py        which models and which training this is for
    state.py        a model's variables and its optimizer's as arrays, and back
    passes.py       one epoch of training, one validation
    kernels.py      the steps
    products.py     the matrix products
    updates.py      the optimizers
    activations.py  activations and their slopes
    dropout.py      Dropout, with TensorFlow's random numbers
    vectors.py      vectors of floats as values
    compiling.py    how Numba compiles
"""

from sweeps.dense_kernels.chain import chain_of
from sweeps.dense_kernels.passes import DenseTraining, dense_passes

__all__ = ["DenseTraining", "chain_of", "dense_passes"]
