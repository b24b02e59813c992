"""What can be tuned: models as functions of hyperparameters.

A space is a `keras_tuner.HyperModel` made of a `DataSpec`; `search_spaces.registry` knows them by name. This
file itself imports no Keras: what describes data is read by processes that never train.
"""

from search_spaces.data_spec import DataSpec, InputSpec, Target

__all__ = ["DataSpec", "InputSpec", "Target"]
