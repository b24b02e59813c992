"""What can be tuned: models as functions of hyperparameters, and a registry name -> space (`registry.py`).

This file imports no Keras: a client that only describes data does not wait for it.
"""

from search_spaces.data_spec import DataSpec, InputSpec, Target

__all__ = ["DataSpec", "InputSpec", "Target"]
