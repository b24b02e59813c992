"""Pictures and TensorBoard event files, derived from a study and its MLflow runs."""
