"""The way of tutorials: Optuna, `model.fit`, Optuna's MLflow callback, `mlflow.keras.log_model`."""

from __future__ import annotations

import time

from benchmarks.configurations import BATCH_SIZE, CONFIGURATIONS, HIDDEN, LEARNING_RATE, NEURONS, OPTIMIZERS
from benchmarks.records import Job, Outcome
from benchmarks.ways.arrays import arrays


def run(job: Job) -> Outcome:
    """Run the configurations as enqueued trials; study and MLflow database exist before the clock starts."""
    import mlflow.keras
    import optuna
    from optuna_integration.mlflow import MLflowCallback

    from benchmarks.space import network

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    x, y, x_valid, y_valid = arrays(job)
    uri = f"sqlite:///{job.folder / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.create_experiment("tutorial", (job.folder / "artifacts").as_uri())
    record = MLflowCallback(tracking_uri=uri, metric_name="val_accuracy")

    @record.track_in_mlflow()  # type: ignore[untyped-decorator]
    def objective(trial: optuna.Trial) -> float:
        n_hidden = trial.suggest_int("n_hidden", *HIDDEN)
        values = {f"n_neurons_{i}": trial.suggest_int(f"n_neurons_{i}", *NEURONS) for i in range(n_hidden)}
        learning_rate = trial.suggest_float("learning_rate", *LEARNING_RATE, log=True)
        optimizer = trial.suggest_categorical("optimizer", OPTIMIZERS)
        model = network({"n_hidden": n_hidden, **values, "learning_rate": learning_rate, "optimizer": optimizer})
        history = model.fit(x, y, BATCH_SIZE, job.epochs, validation_data=(x_valid, y_valid), verbose=0)
        mlflow.keras.log_model(model, name="model")
        return float(max(history.history["val_accuracy"]))

    study = optuna.create_study(study_name="tutorial", direction="maximize")
    for configuration in CONFIGURATIONS[: job.configurations]:
        study.enqueue_trial(dict(configuration))
    began = time.perf_counter()
    study.optimize(objective, n_trials=job.configurations, callbacks=[record])
    seconds = time.perf_counter() - began
    return Outcome(seconds=seconds, accuracies=tuple(trial.value for trial in study.trials))
