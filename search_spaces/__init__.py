"""Search spaces: models as functions of hyperparameters.

A space is a `keras_tuner.HyperModel` for a `DataSpec`; `search_spaces.registry` lists them by name. This file imports
no Keras, since processes that never train import it for the description of data.
"""

from search_spaces.data_spec import DataSpec, InputSpec, Target

__all__ = ["DataSpec", "InputSpec", "Target"]
