"""Baselines: scikit-learn's simple models on the split of a sweep, computed beside it in a process of their own."""

from sweeps.baselines.process import BaselineProcess

__all__ = ["BaselineProcess"]
