"""What a Keras model takes, gives and depends on, read from the model."""
