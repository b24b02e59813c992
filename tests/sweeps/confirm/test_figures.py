"""What is taken for a repetition, and the figures of a model on rows that it has not seen."""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
import pytest
from rich.console import Console

from sweeps.cli.confirm import command, show
from sweeps.confirm.figures import figures
from sweeps.confirm.finalists import Repetitions
from sweeps.confirm.run import Request
from sweeps.data import Dataset, DataSource, from_arrays, splits
from sweeps.study.attributes import DATA
from sweeps.study.confirmation import Confirmation, Finalist
from sweeps.study.study import trial_seed
from sweeps.trial.preflight import description

RANDOM = np.random.default_rng(0)


def rows(count: int, classes: int = 2) -> Dataset:
    x = RANDOM.normal(size=(count, 3)).astype("float32")
    return from_arrays(x, np.arange(count) % classes, DataSource("rows"))


def model(units: int, activation: str | None, loss: str, metric: str) -> Any:
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, activation=activation)])
    made.compile("sgd", loss, metrics=[metric])
    return made


@pytest.mark.parametrize(("count", "method"), [(300, "folds"), (9_980, "folds"), (10_000, "seeds")])
def test_few_validation_rows_are_made_more_by_folds(count: int, method: str) -> None:
    made = Repetitions.of(2, 0, rows(count))
    assert made.method == method
    folds = [(one["fold"], one["folds"]) for one in made.attributes(None)]
    # as many training rows as a trial has
    assert folds == ([(0, 4), (1, 4)] if method == "folds" else [(None, None)] * 2)


def test_what_cannot_be_divided_into_folds_gets_other_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    rare = from_arrays(np.ones((40, 3), "float32"), [0] * 36 + [1] * 4, DataSource("rare"))
    assert Repetitions.of(4, 0, rare).method == "seeds"  # one of the four is a test row
    assert Repetitions.of(4, 0, rows(300)).method == "folds"
    monkeypatch.setattr("sweeps.confirm.finalists.MOST_BYTES", splits.bytes_of_folds(rows(300), 4) - 1)
    assert Repetitions.of(4, 0, rows(300)).method == "seeds"


def test_seeds_follow_from_the_studys_and_are_new() -> None:
    data = rows(300)
    seeds = Repetitions.of(8, 3, data).seeds
    assert len(set(seeds)) == 8
    assert Repetitions.of(4, 3, data).seeds == seeds[:4]
    assert not set(seeds) & {trial_seed(3, number) for number in range(1000)}
    assert Repetitions.of(4, 4, data).seeds != seeds[:4]


@pytest.mark.parametrize(
    ("classes", "metrics", "units", "activation", "loss"),
    [
        (3, False, 3, "softmax", "sparse_categorical_crossentropy"),
        (3, True, 3, "softmax", "categorical_crossentropy"),
        (2, False, 1, "sigmoid", "binary_crossentropy"),
    ],
)
def test_of_classes_there_is_a_row_each(classes: int, metrics: bool, units: int, activation: str, loss: str) -> None:
    data = rows(300, classes)
    if metrics:  # additional ones of a registered space want columns
        data = data.one_hot()
    assert data.test is not None
    made = model(units, activation, loss, "accuracy")
    found = figures(made, (data.test.x, data.test.y), {DATA: description(data)})
    outputs = made.predict(data.test.x, verbose=0)
    predicted = outputs.argmax(axis=1) if units > 1 else (outputs[:, 0] > 0.5).astype(int)
    true = data.test.y.argmax(axis=1) if metrics else data.test.y
    assert found["accuracy"] == np.mean(predicted == true) == pytest.approx(found["metrics"]["accuracy"])
    assert [row["class"] for row in found["classes"]] == [str(index) for index in range(classes)]
    for index, row in enumerate(found["classes"]):
        assert row["support"] == np.sum(true == index)
        assert row["precision"] == pytest.approx(np.mean(true[predicted == index] == index) if row["precision"] else 0)


def test_of_numbers_there_are_quantiles_of_residuals_and_r2() -> None:
    x = RANDOM.normal(size=(300, 3)).astype("float32")
    data = from_arrays(x, x @ [1.0, 2.0, 3.0], DataSource("numbers"))
    assert data.test is not None
    made = model(1, None, "mse", "mae")
    found = figures(made, (data.test.x, data.test.y), {DATA: description(data)})
    residuals = data.test.y.reshape(-1) - made.predict(data.test.x, verbose=0)[:, 0]
    assert found["mae"] == pytest.approx(np.abs(residuals).mean()) == pytest.approx(found["metrics"]["mae"], rel=1e-5)
    assert found["residuals"]["0.25"] == pytest.approx(np.quantile(residuals, 0.25), abs=1e-5)
    assert found["absolute_error"]["0.95"] == pytest.approx(np.quantile(np.abs(residuals), 0.95))
    assert found["r2"] == pytest.approx(1 - np.sum(residuals**2) / np.sum((data.test.y - data.test.y.mean()) ** 2))


def finalist(trial: int | None, default: bool = False, **others: Any) -> Finalist:
    estimate = {"mean": 0.81234, "interval": [0.80234, 0.82234]}
    known = estimate | {"n_params": 109_386, "seconds": 12.34, "optimism": 0.0123} | others
    return Finalist(trial, default, {}, 0.8, [0.8, 0.8], ["a", "b"], **known)


def test_the_table_fits_a_terminal_of_80_columns_and_names_failures() -> None:
    third = finalist(123, mean=None, interval=None, error="loss is nan at epoch 1")
    found = Confirmation(
        *("s", "val_accuracy", "maximize", 3, "seeds", [1, 2], 3, {"train": 1}),
        finalists=[finalist(7, difference=0.01, difference_interval=[-0.02, 0.04]), finalist(100, True), third],
        winner=0,
        verdict="tie",
        conclusion="a tie",
        run_id="a",
        model_uri="m",
        test_note="none",
    )
    screen = Console(width=80, record=True, file=io.StringIO())
    show(found, screen)
    lines = screen.export_text().splitlines()
    assert lines[1].split() == ["trial", "mean", "over", "default", "search", "optimism", "weights"]
    assert lines[2].split()[:6] == ["*", "7", "0.8123", "±0.0100", "+0.0100", "±0.0300"]
    assert lines[4].split() == ["123", "failed"]
    assert lines[5:] == [
        "trial 123: loss is nan at epoch 1",
        "a tie",
        "test rows: none",
        "Next: sweeps best s | sweeps report s | sweeps export s",
    ]
    assert max(map(len, lines)) <= 80
    assert asdict(found)["finalists"][0]["trial"] == 7


def test_the_command_that_goes_on_asks_for_the_same() -> None:
    assert command(Request("s")) == "sweeps confirm s"
    asked = Request("s", top=3, seeds=2, jobs=1, again=True)
    assert command(asked, "my space.py:f") == (
        "sweeps confirm s --top 3 --seeds 2 --jobs 1 --space 'my space.py:f' --again"
    )
