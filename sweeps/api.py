"""`sweeps.run`: a sweep from Python, with models and data in memory."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from rich.console import Console

from sweeps.cli.output import LastingOutput
from sweeps.cli.sweep_view import announcement, counts, unfinished
from sweeps.config import SweepConfig, default_study, load_config
from sweeps.data import Dataset, DataSource, from_arrays, from_frame, is_frame
from sweeps.data.batches import in_memory
from sweeps.engine import forkserver, sweep
from sweeps.engine.scheduler import SearchBegun
from sweeps.errors import InputError, Interrupted, SweepError
from sweeps.space.reference import Space, is_own
from sweeps.study import baselines, results
from sweeps.study import study as studies
from sweeps.study.attributes import CONFIG
from sweeps.study.results import Best, Status, TrialRow
from sweeps.trial.plan import EpochReport, TrialOutcome

if TYPE_CHECKING:
    import pandas

    from sweeps.engine.continuation import Continued
    from sweeps.study.confirmation import Confirmation

#: options that name columns
_OF_TABLES = ("target", "weight_column", "drop", "columns")


@dataclass(frozen=True)
class Result:
    """A study and its results, read from the workspace when an attribute is accessed.

    `sweeps.run` returns one; `sweeps.Result("my-study")` opens a study of an earlier program or of the command line.

    Attributes:
        name: The study's name.
        space: The study's search space, where a program gave it as an object, or its file has moved. It is needed to
            load models with classes that the space defines.
    """

    name: str
    space: str | Space | None = field(default=None, repr=False, compare=False)
    _data: Dataset | None = field(default=None, repr=False, compare=False)

    @property
    def study(self) -> optuna.Study:
        """The `optuna.Study`, for Optuna's visualizations and importances; do not add trials to it."""
        return results.open_study(self.name)

    @property
    def status(self) -> Status:
        """Number of trials by state, and the best value."""
        return results.status(self.study)

    @property
    def trials(self) -> list[TrialRow]:
        """All trials, ordered by number."""
        return results.rows(self.study)

    @property
    def best(self) -> Best:
        """The winner of the confirmation; without one, the COMPLETE trial with the best value of the objective.

        Raises:
            InputError: No trial is complete.
        """
        return results.best(self.study)

    def best_within(self, margin: str | float) -> Best:
        """The smallest model that is good enough; the same as `sweeps best --within`.

        Args:
            margin: How much worse than the best value it may be: `"0.5%"` of that, or `0.005`.

        Returns:
            The trial with the fewest parameters; `within` says what it was chosen by.

        Raises:
            InputError: No trial is complete, or the margin is none.
        """
        from sweeps.study import within

        return within.best_within(self.study, within.parse_margin(str(margin)))

    def model(self, trial: int | None = None) -> Any:
        """Load the recorded model of a trial, with the weights of its best epoch.

        Args:
            trial: The number of a COMPLETE trial; the best one by default.

        Returns:
            A compiled `keras.Model`, with the state of its optimizer.

        Raises:
            InputError: There is no such trial, or it has no model.
            BackendUnreachable: The MLflow store does not answer.
        """
        from sweeps.export.logged_models import load_logged

        uri = self.best.model_uri if trial is None else results.model_uri(self.study, trial)
        return load_logged(self.name, uri, self.space)

    @property
    def test_data(self) -> tuple[Any, ...] | None:
        """The rows that no trial has seen.

        Returns:
            `(x, y)` or `(x, y, sample_weight)`, as `model.evaluate` takes them. None if no test rows were split off.

        Raises:
            InputError: The data were arrays of another process.
        """
        from sweeps.engine.test_rows import held_out

        return held_out(self.study, self._data)

    def continue_trial(
        self,
        trial: int,
        epochs: int,
        *,
        space: Space | None = None,
        data: Any = None,
        validation_data: Any = None,
    ) -> Continued:
        """Train a finished trial for more epochs, exactly where it stopped; the same as `sweeps continue`.

        The result is a trial of its own, which `best` leaves out because it had more epochs than the others.

        Args:
            trial: The number of a COMPLETE or PRUNED trial.
            epochs: How many epochs to add.
            space: The search space, if `sweeps.run` was given an object and not a name.
            data: The data, if `sweeps.run` was given arrays and not a name.
            validation_data: The validation arrays, if `sweeps.run` was given some.

        Returns:
            The new trial: its number, epochs, value and the URI of its model.

        Raises:
            InputError: There is no such trial, or space or data differ from those of the study.
            TrialsFailed: The training failed.
        """
        from sweeps.engine.continuation import continue_trial

        known = dict(self.study.user_attrs.get(CONFIG, {}))
        swept = known.get("space", "") if space is None else space
        dataset = None if data is None else _dataset(data, validation_data, known, swept)[0]
        with _says_how_to_go_on(lambda: f"trial {trial} of study {self.name!r} has not had its epochs"):
            return continue_trial(self.name, trial, epochs, space, dataset)

    def confirm(
        self, *, top: int | None = None, seeds: int = 4, jobs: int | None = None, again: bool = False, show: bool = True
    ) -> Confirmation:
        """Check the winner: train the best trials and the default configuration again; the same as `sweeps confirm`.

        The winner is chosen by the new runs alone, and its model is evaluated on the test rows, once. `best`, `model`
        and `export` then mean the winner. What was trained is not trained again.

        Args:
            top: How many of the best trials are finalists; by default five, or as many as there are.
            seeds: How often each is trained again, with another seed or another fold.
            jobs: Runs at once; by default as many as the trials of the sweep.
            again: Look at the test rows although they were looked at before; each look is counted.
            show: Print the progress and the result.

        Returns:
            The finalists with their figures, the winner and the verdict.

        Raises:
            InputError: The study has too few trials, space or data are not what they were, or the test rows were
                looked at before.
            TrialsFailed: Each finalist has failed.
            Interrupted: Ended by a signal; another call goes on.
        """
        from sweeps.cli.confirm import show as show_result
        from sweeps.cli.confirm_progress import ConfirmProgress
        from sweeps.confirm.run import Request, confirm

        request = Request(self.name, top, seeds, jobs, again)
        forkserver.start()
        with _says_how_to_go_on(lambda: f"the confirmation of study {self.name!r} has not ended"):
            if not show:
                return confirm(request, Silent(), self.space, self._data)
            screen = Console(file=LastingOutput(sys.stdout))  # type: ignore[arg-type]
            with ConfirmProgress(screen, request) as progress:
                found = confirm(request, progress, self.space, self._data)
        show_result(found, screen)
        return found

    def evaluate_test(self, again: bool = False) -> dict[str, Any]:
        """Evaluate the best model on the test rows, once: a look that is counted, as that of `confirm` is.

        Args:
            again: Look although they were looked at before.

        Returns:
            `rows`, `looks`, `metrics` of the model; for classes also `accuracy`, its Wilson `interval`, `classes` and
            `confusion`; for a regression `r2`, `rmse`, `mae`, `absolute_error` and `residuals`.

        Raises:
            InputError: The rows were looked at before, or the study keeps none.
        """
        from sweeps.confirm.test_set import evaluate

        return evaluate(self.study, self.space, self._data, again)

    def export(self, force: bool = False) -> Path:
        """Write the best model to `exports/STUDY` and register it as champion; the same as `sweeps export`.

        Args:
            force: Replace an existing export.

        Returns:
            The folder: `model.keras`, `saved_model/`, `labels.json`, `params.json`, `manifest.json`, `README.md`.

        Raises:
            InputError: No trial is complete, or the folder exists and `force` is false.
        """
        from sweeps.export.export import export_best
        from sweeps.system import paths

        export_best(self.name, force, self.space)
        return paths.export_folder(self.name)

    def report(self, output: str | Path | None = None) -> Path:
        """Write the report, one HTML file with all figures; the same as `sweeps report`.

        Args:
            output: The file; by default `report.html` in the study's folder.

        Returns:
            The file.

        Raises:
            InputError: There is no folder for the file.
        """
        from sweeps.cli.command_line import repeated
        from sweeps.report import html

        return html.write(self.name, repeated(self.study), None if output is None else Path(output))[0]

    def trials_dataframe(self) -> pandas.DataFrame:
        """All trials as a table, a row for each, with a column for each hyperparameter."""
        from sweeps.report import notebook

        return notebook.dataframe(self.study)

    def plot_history(self) -> Any:
        """The value of each COMPLETE trial, and the best so far, as a plotly Figure; `sweeps.plots` has more.

        Raises:
            InputError: No trial is complete.
        """
        from sweeps import plots

        return plots.history(self)

    def _repr_html_(self) -> str:
        from sweeps.report import notebook

        return notebook.as_html(self.study)


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
            - `epochs` (int, 10): Epochs of a trial.
            - `folds` (int), `repeats` (int): Train each trial on so many folds of the training and validation rows,
              from so many seeds; its value is the mean.
            - `jobs` (int): Trials at once; by default the number of cores.
            - `seed` (int, 0): The source of all randomness.
            - `sampler` (str, `"tpe"`), `pruner` (str, `"median"`): See `sweeps run --help`.
            - `sampler_options`, `pruner_options` (dict): Their options, such as `{"startup": 20}`.
            - `objective` (str or list of str): A metric of the logs, such as `"val_loss"` or `"val_auc:max"`. Of
              several the first is what trials are pruned by and the best one has; the others may be `"n_params"`,
              `"model_bytes"`, `"train_seconds"` or `"latency_ms"`, too.
            - `constraint` (list of str): Limits that the best trial keeps, such as `["n_params<=200000"]`.
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
    dataset, name = _dataset(data, validation_data, options, space)
    options.setdefault("study", default_study(name, named))
    config = load_config({"space": named, "dataset": name, **options})
    forkserver.start()
    if show:  # at once: workers and the look at data and space take a while
        soon = f"{announcement(config, sweep.jobs_of(config))}\nstarting workers, looking at data and space …"
        print(soon, file=LastingOutput(sys.stdout), flush=True)
    begun = time.monotonic()
    with _says_how_to_go_on(lambda: _progress(config)), watching(config, show) as watcher:
        sweep.run(config, watcher, None if isinstance(space, str) else space, dataset)
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
    return result


def _dataset(data: Any, validation: Any, options: dict[str, Any], space: str | Space) -> tuple[Dataset | None, str]:
    """The dataset, None where workers load it by name, and what it is called.

    Args:
        space: a person's own gets the arrays as they are.
    """
    if isinstance(data, str):
        return None, data
    if is_frame(data):
        return _from_frame(data, validation, options, is_own(space)), "table"
    of_tables = [name for name in SweepConfig.model_fields if name in _OF_TABLES or name.startswith("csv_")]
    for name in [*of_tables, "task"] if isinstance(data, Dataset) else of_tables:
        if options.get(name) not in (None, (), []):  # a study's own options have none of several as a list
            raise InputError(
                f"{name}: only data by name or a DataFrame has it, got {options[name]!r}; "
                "arrays are (x, y, sample_weight)"
            )
    if isinstance(data, Dataset):
        return data, data.name
    source = DataSource(
        "arrays",
        task=options.get("task"),
        seed=int(options.get("seed") or 0),
        test_fraction=0.0 if validation is not None else 0.2,
        as_given=is_own(space),
    )
    x, y, *weights = _with_names("data", in_memory("data", data), space)
    if validation is not None:
        validation = _with_names("validation_data", in_memory("validation_data", validation), space)
    return from_arrays(x, y, source, validation, sample_weight=weights[0] if weights else None), "arrays"


def _with_names(label: str, data: tuple[Any, ...], space: str | Space) -> tuple[Any, ...]:
    """Several inputs by the names of the Input layers that a space of a person's own builds.

    Raises:
        InputError: the model has another number of Input layers.
    """
    x, *others = data
    several = isinstance(x, (list, tuple)) and len(x) > 1 and all(getattr(column, "ndim", 0) > 0 for column in x)
    if not several or not is_own(space):
        return data
    # imports TensorFlow, which a client needs for nothing else
    from sweeps.space.resolve import input_names

    names = input_names(space)
    if len(names) != len(x):
        raise InputError(
            f"{label}: a list of inputs needs a model with as many Input layers, got {len(x)} arrays and {len(names)} "
            "Input layers\nA dictionary of arrays, by the names of the Input layers, works too"
        )
    return dict(zip(names, x, strict=True)), *others


def _from_frame(frame: Any, validation: Any, options: dict[str, Any], own: bool) -> Dataset:
    if validation is not None and not is_frame(validation):
        raise InputError("validation_data: a DataFrame as in data is needed, or none: then rows are split off")
    if given := [name for name, value in options.items() if name.startswith("csv_") and value is not None]:
        raise InputError(f"{given[0]}: only .csv files are read in another way, got a DataFrame")
    named = {name: options.get(name) for name in (*_OF_TABLES, "task", "seed")}
    config = load_config({"dataset": "table", **named})
    return from_frame(frame, config.source(as_given=own), validation)


@contextlib.contextmanager
def _says_how_to_go_on(so_far: Callable[[], str]) -> Iterator[None]:
    """An interruption says how to go on: in a notebook in place of a traceback, elsewhere below it.

    Args:
        so_far: what is done, in a line.
    """
    try:
        yield
    except (KeyboardInterrupt, Interrupted) as stop:
        how = "The same call goes on; what was running continues where it was."
        stop.add_note(how)
        shown = [f"{type(stop).__name__}: {so_far()}", how]
        vars(stop)["_render_traceback_"] = lambda: shown
        raise


def _progress(config: SweepConfig) -> str:
    done = 0
    with contextlib.suppress(SweepError):  # it may not have been begun
        done = len(studies.counted(results.open_study(config.study)))
    return f"{done} of {config.trials} trials of study {config.study!r} are done"


class Silent:
    """A watcher that says nothing."""

    def begin(self, begun: SearchBegun) -> None:
        """The search begins."""

    def epoch(self, report: EpochReport) -> None:
        """An epoch has ended."""

    def trial(self, outcome: TrialOutcome) -> None:
        """A trial has ended."""


@contextlib.contextmanager
def watching(config: SweepConfig, show: bool) -> Iterator[Any]:
    """The watcher of a sweep: progress on standard output, in a notebook as one output that changes, or `Silent`."""
    if not show:
        yield Silent()
        return
    from sweeps.cli.notebook_progress import NotebookProgress, in_notebook
    from sweeps.cli.progress import Progress

    output: Any = LastingOutput(sys.stdout)
    jobs, done = sweep.jobs_of(config), counts(config.study)
    progress = (
        NotebookProgress(config.trials, jobs, done)
        if in_notebook()
        else Progress(Console(file=output), config.trials, jobs, done)
    )
    with progress:
        yield progress
