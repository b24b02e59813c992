"""Properties of a Keras model: its inputs and outputs, the meaning of the outputs, memory and global settings."""
