"""`sweeps.run(…)`: a sweep from Python, with models and data in memory."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from rich.console import Console

from sweeps.cli.output import LastingOutput
from sweeps.cli.run import unfinished
from sweeps.config import SweepConfig, default_study, load_config
from sweeps.data import Dataset, DataSource, from_arrays
from sweeps.engine import sweep
from sweeps.errors import InputError
from sweeps.space.reference import Space, is_own
from sweeps.study import results
from sweeps.study.attributes import CONFIG
from sweeps.study.results import Best, Status, TrialRow
from sweeps.study.study import Objective
from sweeps.trial.plan import EpochReport, TrialOutcome

if TYPE_CHECKING:
    from sweeps.engine.continuation import Continued


@dataclass(frozen=True)
class Result:
    """A study as it stands; what the command line prints is printed from this.

    Attributes:
        space: the study's, where a program gave it as an object, or its file was moved: its models may have classes
            that it defines.
    """

    name: str
    space: str | Space | None = field(default=None, repr=False, compare=False)
    _data: Dataset | None = field(default=None, repr=False, compare=False)

    @property
    def study(self) -> optuna.Study:
        """Optuna's own object, for its visualizations and importances."""
        return results.open_study(self.name)

    @property
    def status(self) -> Status:
        """Counts by state and the best value."""
        return results.status(self.study)

    @property
    def trials(self) -> list[TrialRow]:
        """Every trial, by number."""
        return results.rows(self.study)

    @property
    def best(self) -> Best:
        """The selected trial.

        Raises:
            InputError: no trial is complete.
        """
        return results.best(self.study)

    def model(self, trial: int | None = None) -> Any:
        """The logged `keras.Model` of a trial, of the best one by default, with the weights of its best epoch."""
        from sweeps.export.logged_models import load_logged

        uri = self.best.model_uri if trial is None else results.model_uri(self.study, trial)
        return load_logged(self.name, uri, self.space)

    @property
    def test_data(self) -> tuple[Any, ...] | None:
        """The rows that no trial has seen: `(x, y)`, or `(x, y, sample_weight)`, as `model().evaluate` takes them; None
        where none were kept apart.

        Raises:
            InputError: the data were arrays of another process.
        """
        from sweeps.engine.test_rows import held_out

        return held_out(self.study, self._data)

    def continue_trial(
        self,
        trial: int,
        epochs: int,
        *,
        space: Space | None = None,
        data: Dataset | tuple[Any, ...] | None = None,
        validation_data: tuple[Any, ...] | None = None,
    ) -> Continued:
        """Train a finished trial for `epochs` more, exactly where it stopped; see `sweeps continue`.

        Args:
            space, data, validation_data: those that `sweeps.run` was given as objects. By their names the study knows
                them.

        Raises:
            SweepError: see `sweeps.errors`.
        """
        from sweeps.engine.continuation import continue_trial

        known = dict(self.study.user_attrs.get(CONFIG, {}))
        own = space is not None or is_own(known.get("space", ""))
        dataset = None if data is None else _dataset(data, validation_data, known, own)[0]
        return continue_trial(self.name, trial, epochs, space, dataset)

    def export(self, force: bool = False) -> Path:
        """Write the best model to `exports/STUDY`; see `sweeps export`."""
        from sweeps.export.export import export_best
        from sweeps.system import paths

        export_best(self.name, force, self.space)
        return paths.export_folder(self.name)


def run(
    space: str | Space = "mlp",
    data: str | Dataset | tuple[Any, ...] = "digits",
    *,
    validation_data: tuple[Any, ...] | None = None,
    show: bool = True,
    **options: Any,
) -> Result:
    """Run a sweep, or what is missing of it, and return how it stands.

    Args:
        space: a `build(hp)` function, a HyperModel, or a name as `--space` takes it.
        data: `(x, y)` or `(x, y, sample_weight)` arrays, a `Dataset`, or a name as `--dataset` takes it. A model of
            your own gets the arrays with the values, shapes and dtypes that they have.
        validation_data: arrays as `data`; without them 20 % of the rows of `data` are split off to validate with, and
            20 % as a test set that no trial sees (`Result.test_data`). With them no test set is kept.
        show: print progress.
        options: the options of `sweeps run` with `_` for `-`: `study`, `trials`, `epochs`, `jobs`, `seed`, `sampler`,
            `sampler_options` (as `{"startup": 20}`), `pruner`, `pruner_options`, `objective`, `set`, `enqueue`,
            `time_budget`, `allow_lambda`, `accept_changed_space`, …

    Raises:
        SweepError: see `sweeps.errors`.
    """
    named = space if isinstance(space, str) else getattr(space, "__name__", type(space).__name__)
    dataset, name = _dataset(data, validation_data, options, is_own(space))
    options.setdefault("study", default_study(name, named))
    config = load_config({"space": named, "dataset": name, **options})
    begun = time.monotonic()
    with watching(config, show) as watcher:
        sweep.run(config, watcher, None if isinstance(space, str) else space, dataset)
    if show and (said := unfinished(config, begun)):
        print(f"{said}; the same call without time_budget goes on", file=LastingOutput(sys.stdout))
    return Result(config.study, None if isinstance(space, str) else space, dataset)


def _dataset(
    data: Any, validation: tuple[Any, ...] | None, options: dict[str, Any], own: bool
) -> tuple[Dataset | None, str]:
    """The dataset, None where workers load it by name, and what it is called.

    Args:
        own: the space is a person's own, which gets the arrays as they are.
    """
    if isinstance(data, str):
        return None, data
    for name in ("target", "weight_column") if not isinstance(data, Dataset) else ("target", "weight_column", "task"):
        if options.get(name) is not None:
            raise InputError(
                f"{name}: only data by name has it, got {options[name]!r}; arrays are (x, y, sample_weight)"
            )
    if isinstance(data, Dataset):
        return data, data.name
    source = DataSource(
        "arrays",
        task=options.get("task"),
        seed=int(options.get("seed") or 0),
        test_fraction=0.0 if validation is not None else 0.2,
        as_given=own,
    )
    x, y, *weights = data
    return from_arrays(x, y, source, validation, sample_weight=weights[0] if weights else None), "arrays"


class Silent:
    """A watcher that says nothing."""

    def begin(self, objective: Objective, warnings: tuple[str, ...], best: TrialOutcome | None) -> None:
        """The search begins."""

    def epoch(self, report: EpochReport) -> None:
        """An epoch has ended."""

    def trial(self, outcome: TrialOutcome) -> None:
        """A trial has ended."""


@contextlib.contextmanager
def watching(config: SweepConfig, show: bool) -> Iterator[Any]:
    """The watcher of a sweep: progress on standard output, or `Silent`."""
    if not show:
        yield Silent()
        return
    from sweeps.cli.progress import Progress

    output: Any = LastingOutput(sys.stdout)
    with Progress(Console(file=output), config.trials, sweep.jobs_of(config), {}) as progress:
        yield progress
