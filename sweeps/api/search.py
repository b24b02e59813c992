"""`sweeps.run`: a sweep from Python, with models and data in memory."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any

from distributed import Client

from sweeps.api.given_data import dataset_of
from sweeps.api.result import Result
from sweeps.api.watching import says_how_to_go_on, watching
from sweeps.cli.output import LastingOutput
from sweeps.cli.sweep_view import announcement, unfinished
from sweeps.config import SweepConfig, default_study, load_config
from sweeps.engine import forkserver, sweep
from sweeps.errors import SweepError
from sweeps.space.reference import Space
from sweeps.study import baselines, results
from sweeps.study import study as studies


def run(
    space: str | Space = "mlp",
    data: Any = "digits",
    *,
    validation_data: Any = None,
    show: bool = True,
    **options: Any,
) -> Result:
    """Run a sweep, or the trials that a study still lacks, and return its results.

    Trials run in parallel processes. Calling it again with the same arguments runs only what is missing. A script needs
    no `if __name__ == "__main__":`.

    Args:
        space: A function `build(hp)` that returns a compiled `keras.Model`, a `keras_tuner.HyperModel`, or a name as
            `--space` takes it: `"mlp"`, `"module:function"`, `"path/to/file.py:function"`.
        data: Arrays `(x, y)` or `(x, y, sample_weight)`, a `Dataset`, or a name as `--dataset` takes it: `"digits"`,
            `"table.csv"`. `x` has shape `(n, ...)`, or is a dictionary or list of such arrays, or a sparse matrix. A
            model of your own gets the arrays with the values, shapes and dtypes that they have. A `tf.data.Dataset` or
            `keras.utils.PyDataset` of batches is read into memory, once. Or a DataFrame, with `target="column"`: it is
            taken as a file with these columns is.
        validation_data: Arrays as in `data`, or a DataFrame if `data` is one. Without them, 20 % of the rows are
            split off for validation and 20 % as test rows that no trial sees (`Result.test_data`). With them, no test
            rows are split off.
        show: Print the progress.
        **options: The options of `sweeps run`, with `_` for `-`:

            - `study` (str): The name; by default `DATA-SPACE`.
            - `trials` (int, 20): The study's total.
            - `epochs` (int, 20): Epochs of a trial.
            - `folds` (int), `repeats` (int): Train each trial on so many folds of the training and validation rows,
              from so many seeds; its value is the mean.
            - `jobs` (int): Trials at once; by default the number of cores.
            - `cluster` (str or `distributed.Client`): Run the trials on the workers of a Dask scheduler, at
              `"tcp://host:8786"` or `"tls://host:8786"`, or that this client is connected to; or of a cluster that a
              .toml file describes. `workers` (int or tuple): How many to start of that one, `8` or `(4, 64)`.
              `resources` (dict): Use only workers that announce this, such as `{"GPU": 1}`.
            - `storage` (str): Keep the study in a PostgreSQL database, `"postgresql://user@host/name"`, for sweeps of
              it on several machines; passwords come from `PGPASSWORD` or `~/.pgpass`.
            - `seed` (int, 0): The source of all randomness.
            - `sampler` (str, `"tpe"`), `pruner` (str, `"median"`): See `sweeps run --help`.
            - `sampler_options`, `pruner_options` (dict): Their options, such as `{"startup": 20}`.
            - `objective` (str or list of str): A metric of the logs, such as `"val_loss"` or `"val_auc:max"`. Of
              several, trials are pruned and the best one is chosen by the first; the others may also be `"n_params"`,
              `"model_bytes"`, `"train_seconds"` or `"latency_ms"`.
            - `constraint` (list of str): Limits that the best trial must satisfy, such as `["n_params<=200000"]`.
            - `set` (list of str): Narrowed hyperparameters, such as `["n_hidden=1..3"]`.
            - `metrics`, `callback` (list of str), `class_weight`, `patience`, `target`, `task`, `weight_column`,
              `drop`, `columns` (list of str): Options of data and training.
            - `enqueue` (path): A JSON file of configurations to run first.
            - `start` (str, `"portfolio"`): What is trained first where nothing is enqueued: `"portfolio"` (the defaults
              and configurations that were good on other data, of `mlp` and `mlp_per_layer`), `"default"` or `"none"`.
            - `warm_start` (str): Another study, whose five best configurations are run first.
            - `time_budget`, `trial_timeout` (str or seconds), `memory_limit` (str or bytes): Limits.
            - `epoch_budget` (int), `stop_at` (float), `patience_trials` (int): End the search after so many epochs of
              all trials together, once the objective has this value, after so many trials without a better one.
            - `keep_models` (str): `"all"` models, or those of the `"best:10"` trials; by default all, and of 200 trials
              or more the best 50.
            - `baselines` (bool): Compare with the majority class or the mean, a linear model and gradient boosting.
            - `allow_lambda`, `accept_changed_space` (bool): See `sweeps run --help`.
            - `confirm` (bool): Check the winner at the end, as `Result.confirm` does.
            - `report` (bool, False): Write the report at the end, as `Result.report` does.

    Returns:
        The study with all its trials.

    Raises:
        InputError: An argument is wrong; nothing was written.
        TrialsFailed: Too many trials failed in a row.
        BackendUnreachable: The MLflow store does not answer, or this machine cannot write.
        CorruptStore: The study's journal is damaged.
        Interrupted: The sweep was ended by a signal.
    """
    named = space if isinstance(space, str) else getattr(space, "__name__", type(space).__name__)
    dataset, name = dataset_of(data, validation_data, options, space)
    options.setdefault("study", default_study(name, named))
    security = None
    if isinstance(cluster := options.get("cluster"), Client):  # the sweep gets a connection of its own
        options["cluster"], security = cluster.scheduler.address, cluster.security
    config = load_config({"space": named, "dataset": name, "report": False, **options})
    if config.cluster is None:
        forkserver.start()
    if show:  # at once: workers and the look at data and space take a while
        soon = f"{announcement(config, sweep.jobs_of(config))}\nstarting workers, looking at data and space …"
        print(soon, file=LastingOutput(sys.stdout), flush=True)
    begun = time.monotonic()
    with says_how_to_go_on(lambda: _progress(config)), watching(config, show) as watcher:
        sweep.run(config, watcher, None if isinstance(space, str) else space, dataset, security=security)
    result = Result(config.study, None if isinstance(space, str) else space, dataset)
    if show:
        said = baselines.sentences(result.study)
        if why := config.budget.reason(result.study):
            said.append(why)
        elif missing := unfinished(config, result.study, begun):
            said.append(f"{missing}; the same call without time_budget goes on")
        for sentence in said:
            print(sentence, file=LastingOutput(sys.stdout))
    if config.confirm:
        result.confirm(show=show)
    if config.report:
        result.report()
    return result


def _progress(config: SweepConfig) -> str:
    done = 0
    with contextlib.suppress(SweepError):  # it may not have been begun
        done = len(studies.counted(results.open_study(config.study)))
    return f"{done} of {config.trials} trials of study {config.study!r} are done"
