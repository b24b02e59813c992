"""The study: Optuna's, its samplers, its retries and its results."""
