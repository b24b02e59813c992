"""The report of a study, and pictures and TensorBoard event files of it and its MLflow runs."""
