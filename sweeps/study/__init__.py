"""The study: Optuna's, its storage, its retries and its results."""
