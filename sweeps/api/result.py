"""A study and its results, in Python."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from rich.console import Console

from sweeps.api.given_data import dataset_of
from sweeps.api.watching import Silent, says_how_to_go_on
from sweeps.cli.output import LastingOutput
from sweeps.data import Dataset
from sweeps.engine import forkserver
from sweeps.space.reference import Space
from sweeps.study import results
from sweeps.study.attributes import CONFIG
from sweeps.study.results import Best, Status, TrialRow

if TYPE_CHECKING:
    import pandas

    from sweeps.engine.continuation import Continued
    from sweeps.study.confirmation import Confirmation


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
            margin: The largest difference to the best value: `"0.5%"` of that value, or `0.005`.

        Returns:
            The trial with the fewest parameters; `within` says what it was chosen by.

        Raises:
            InputError: No trial is complete, or the margin is invalid.
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
        dataset = None if data is None else dataset_of(data, validation_data, known, swept)[0]
        with says_how_to_go_on(lambda: f"trial {trial} of study {self.name!r} has not had its epochs"):
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
        with says_how_to_go_on(lambda: f"the confirmation of study {self.name!r} has not ended"):
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

    def export(
        self,
        force: bool = False,
        *,
        formats: Sequence[str] = ("keras", "savedmodel"),
        trial: int | None = None,
        ensemble: int | None = None,
        test: bool = False,
        again: bool = False,
    ) -> Path:
        """Write the best model to `exports/STUDY` and register it as champion; the same as `sweeps export`.

        Each format is loaded again in a clean process, and compared with the trained model on 256 raw rows.

        Args:
            force: Replace an existing export.
            formats: Of `"keras"` (which is always there), `"savedmodel"`, `"onnx"` and `"litert"`.
            trial: The number of another COMPLETE trial, such as a continued one.
            ensemble: Average this many of the best trials in one Keras model.
            test: Evaluate the ensemble on the test rows; this is counted, as in `confirm`.
            again: Evaluate although the test rows were used before.

        Returns:
            The folder: the model in each format (`model.keras`, `saved_model/`, `model.onnx`, `model.tflite`),
            `labels.json`, `params.json`, `manifest.json`, `README.md`, `MODEL_CARD.md`.

        Raises:
            InputError: No trial is complete, the folder exists and `force` is false, or a format is not installed,
                cannot hold the model or differs from it.
        """
        from sweeps.confirm.ensemble import EnsembleFigures
        from sweeps.engine.test_rows import sample
        from sweeps.export import export
        from sweeps.system import paths

        request = export.ExportRequest(self.name, tuple(formats), trial, ensemble, force, self.space)
        rows = partial(sample, data=self._data)
        export.export(request, rows=rows, evaluate=EnsembleFigures(self._data, test, again))
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
