"""What a sweep with defaults finds on real trainings: its winner against the default configuration, on rows that the
search has not had.

    python -m benchmarks.held_out --keep held_out.jsonl

For each data set: `sweeps run` with the defaults of the command line, `sweeps confirm`, and then the default
configuration, the best trial and the confirmed winner trained again from eight fresh seeds, each on a fresh division of
all rows. The test value at the best epoch by validation is what counts. The first configurations are those that were
learned on the other data sets. What a file keeps is not measured again.

The confirmed winner is also trained from eight further seeds on the rows of the search, as the confirmation does it:
how often their mean lies within the stated interval.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

import sweeps
from benchmarks.training import at_best_epoch
from benchmarks.trainings.data_sets import DATA_SETS, arrays
from benchmarks.trainings.make import FILE
from benchmarks.trainings.portfolio import default_configuration, figures, learn
from sweeps.data import Dataset, DataSource, folds, from_arrays
from sweeps.study.confirmation import Confirmation
from sweeps.study.results import Best

#: seeds and divisions of the trainings that judge; those of the sweeps are 0, 1, …
FRESH = range(1000, 1008)
Params = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """What one sweep has found. Values are accuracies, or root mean squared errors with their sign changed.

    Attributes:
        trials: of the sweep.
        said: the value of its best trial in the search.
        test: by the name of the configuration ("default", "best trial", "confirmed"), the test values of the trainings
            on fresh divisions.
        conclusion: the confirmation's.
        stated: its interval of the winner's mean.
        further: values of the confirmed winner in further trainings of the kind that the confirmation has.
    """

    data_set: str
    seed: int
    trials: int
    said: float
    test: dict[str, list[float]]
    conclusion: str
    stated: list[float]
    further: list[float]

    def gain(self, over: str = "default", of: str = "confirmed") -> tuple[float, float]:
        """The mean of the paired differences by test, and its standard error."""
        differences = np.subtract(self.test[of], self.test[over])
        return float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences)))

    @property
    def covered(self) -> bool:
        """Whether the mean of the further trainings lies within the stated interval."""
        low, high = self.stated
        return low <= float(np.mean(self.further)) <= high


def search(data_set: str, seed: int, trials: int, epochs: int) -> tuple[Best, Confirmation]:
    """The best trial of a sweep on the division of this seed, and its confirmation; the test rows stay out of both."""
    parts = arrays(data_set, seed)
    learned = figures(pd.read_parquet(FILE))
    first = [learned.configurations[place] for place in learn(learned, without=data_set)]
    with tempfile.TemporaryDirectory() as folder:
        points = Path(folder) / "points.json"
        points.write_text(json.dumps(first[:trials]))
        result = sweeps.run(
            "mlp", (parts["x_train"], parts["y_train"]),
            validation_data=(parts["x_valid"], parts["y_valid"]),
            study=f"{data_set}-{seed}", seed=seed, trials=trials, epochs=epochs,
            enqueue=str(points), baselines=False, show=False,
        )  # fmt: skip
    return result.best, result.confirm(show=False)


def measured(data_set: str, seed: int, trials: int, epochs: int, pool: ProcessPoolExecutor) -> Found:
    """A sweep, its confirmation, and the trainings that judge both."""
    best, confirmation = search(data_set, seed, trials, epochs)
    winner = confirmation.finalists[confirmation.winner]
    configurations = {
        "default": {**best.params, **default_configuration()},
        "best trial": dict(best.params),
        "confirmed": winner.params,
    }
    # equal configurations are trained once
    waiting = {
        json.dumps(params, sort_keys=True): [
            pool.submit(_test_value, data_set, dict(params), epochs, at) for at in FRESH
        ]
        for params in configurations.values()
    }
    test = {
        name: [each.result() for each in waiting[json.dumps(params, sort_keys=True)]]
        for name, params in configurations.items()
    }
    again = [pool.submit(_further, data_set, seed, confirmation.method, winner.params, epochs, at) for at in FRESH]
    assert winner.interval is not None
    return Found(
        data_set, seed, trials, _signed(data_set, best.value), test, confirmation.conclusion,
        sorted(_signed(data_set, limit) for limit in winner.interval), [each.result() for each in again],
    )  # fmt: skip


def _dataset(parts: Mapping[str, Any]) -> Dataset:
    validation = (parts["x_valid"], parts["y_valid"])
    return from_arrays(parts["x_train"], parts["y_train"], DataSource("arrays"), validation=validation)


def _test_value(data_set: str, params: Params, epochs: int, seed: int) -> float:
    """The test value at the best epoch by validation, of a training on a fresh division."""
    parts = arrays(data_set, seed)
    data = _dataset(parts)
    return at_best_epoch(data, params, epochs, seed, (parts["x_test"], parts["y_test"]))


def _further(data_set: str, split: int, method: str, params: Params, epochs: int, seed: int) -> float:
    """The value of one more repetition: of another seed, or on a fold of another division."""
    parts = arrays(data_set, split)
    data = _dataset(parts)
    if method == "folds":
        division, fold = divmod(seed - FRESH.start, 4)
        data = folds(data, 4, FRESH.start + division)[fold]
    return at_best_epoch(data, params, epochs, seed, (data.validation.x, data.validation.y))


def _signed(data_set: str, value: float) -> float:
    """The higher the better."""
    return -value if data_set in ("california_housing", "friedman") else value


def table_of(found: Iterable[Found]) -> Table:
    """A row for each sweep; of accuracies all figures are in points."""
    table = Table(box=None, pad_edge=False)
    for column in ("data set", "seed", "trials", "said", "default", "best trial", "confirmed", "best - default",
                   "confirmed - default", "verdict", "in interval"):  # fmt: skip
        table.add_column(column, justify="right")
    for one in found:
        means = [f"{np.mean(one.test[name]):.4f}" for name in ("default", "best trial", "confirmed")]
        gains = ["{:+.4f} ± {:.4f}".format(*one.gain(of=name)) for name in ("best trial", "confirmed")]
        verdict = one.conclusion.split(":")[0]
        table.add_row(
            one.data_set, str(one.seed), str(one.trials), f"{one.said:.4f}", *means, *gains, verdict,
            "yes" if one.covered else "no",
        )  # fmt: skip
    return table


def summary(found: list[Found]) -> str:
    """How often the winners are better and worse by more than a standard error, and the coverage of the intervals."""
    lines = []
    for name in ("best trial", "confirmed"):
        gains = [one.gain(of=name) for one in found]
        better = sum(mean > error for mean, error in gains)
        worse = sum(-mean > error for mean, error in gains)
        lines.append(f"{name}: of {len(found)}, better than the default by more than an error {better}, worse {worse}")
    covered = sum(one.covered for one in found)
    return "\n".join([*lines, f"mean of eight further trainings within the stated interval: {covered} of {len(found)}"])


@click.command()
@click.option("--seeds", default=1, help="Sweeps of each data set.")
@click.option("--trials", default=20)
@click.option("--epochs", default=20)
@click.option("--dataset", "data_sets", multiple=True, type=click.Choice([*DATA_SETS]), help="All by default.")
@click.option("--keep", type=click.Path(path_type=Path), help="A JSON Lines file of what was measured.")
def main(seeds: int, trials: int, epochs: int, data_sets: tuple[str, ...], keep: Path | None) -> None:
    """Compare the winners of sweeps with the default configuration."""
    console = Console(width=200)
    found = [Found(**json.loads(line)) for line in keep.read_text().splitlines()] if keep and keep.exists() else []
    known = {(one.data_set, one.seed) for one in found}
    pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
    with tempfile.TemporaryDirectory() as folder, pool:
        os.environ["SWEEPS_HOME"] = folder
        for seed in range(seeds):
            for data_set in data_sets or DATA_SETS:
                if (data_set, seed) in known:
                    continue
                one = measured(data_set, seed, trials, epochs, pool)
                found.append(one)
                console.print(table_of([one]))
                if keep:
                    with keep.open("a") as file:
                        file.write(json.dumps(asdict(one)) + "\n")
    console.print(table_of(found))
    console.print(summary(found), highlight=False)


if __name__ == "__main__":
    main()
