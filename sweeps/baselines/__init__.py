"""Baselines: scikit-learn's simple models on the split of a sweep, computed beside it in a process of their own."""

from sweeps.baselines.process import NOT_IN_TIME, BaselineProcess

__all__ = ["NOT_IN_TIME", "BaselineProcess"]
