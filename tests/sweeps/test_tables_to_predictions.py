"""Tables as people have them, from the file to predictions of new rows by a command each, without editing the file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import Workspace

pytestmark = pytest.mark.slow

ROWS = 1200
RANDOM = np.random.default_rng(0)


def churn(path: Path) -> pd.DataFrame:
    """Customers with an id, a date, many towns, and marks of what is missing; with an unseen plan in the first row."""
    months = RANDOM.integers(0, 60, ROWS)
    signup = pd.Timestamp("2023-12-31") - pd.to_timedelta(months * 30, unit="D")
    plan = RANDOM.choice(["basic", "pro", "max"], ROWS)
    chance = 1 / (1 + np.exp(-(2 - 0.1 * months + (plan == "basic"))))
    frame = pd.DataFrame(
        {
            "customer id": [f"C{i:06d}" for i in range(ROWS)],
            "signup": signup.strftime("%m/%d/%Y"),
            "age": RANDOM.integers(18, 80, ROWS).astype(str),
            "plan": plan,
            "Total Charges ($)": [f"{value:.2f}" for value in months * 50.0],
            "town": RANDOM.choice([f"town {i}" for i in range(1100)], ROWS),
            "churn": np.where(RANDOM.random(ROWS) < chance, "yes", "no"),
        }
    )
    frame.loc[::17, "age"] = "?"
    frame.loc[::13, "Total Charges ($)"] = " "
    frame.to_csv(path, index=False)
    return frame.head(20).assign(plan=["new", *["pro"] * 19])


def rents(path: Path) -> pd.DataFrame:
    """Rents with semicolons, decimal commas and points between thousands; new rows are of a town that is not there."""
    size, town = RANDOM.normal(100, 20, ROWS), RANDOM.choice(["Köln", "Düsseldorf"], ROWS)
    rent = size * 12 + (town == "Köln") * 200 + RANDOM.normal(0, 30, ROWS)
    frame = pd.DataFrame({"Größe (m²)": size, "Ort": town, "Miete": rent})
    frame["Datum"] = pd.date_range("2020-01-01", periods=ROWS, freq="7h").strftime("%d.%m.%Y %H:%M")
    for name in ("Größe (m²)", "Miete"):
        frame[name] = [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in frame[name]]
    frame.to_csv(path, index=False, sep=";", encoding="latin-1")
    return frame.head(20).assign(Ort="Bonn")


def fraud(path: Path) -> pd.DataFrame:
    """One case in 131."""
    y = (np.arange(ROWS * 4) % 131 == 0).astype(int)
    frame = pd.DataFrame(RANDOM.normal(size=(len(y), 4)) + y[:, None] * 2, columns=list("abcd"))
    frame["kind"], frame["fraud"] = RANDOM.choice(["web", "shop"], len(y)), y
    frame.to_csv(path, index=False)
    return frame.head(20).assign(kind="phone")


@pytest.mark.parametrize(
    ("make", "target", "form", "missing", "notes"),
    [
        (
            churn, "churn", {}, "age",
            ["'customer id': left out", "'signup': dates (%m/%d/%Y)", "'age': numbers, '?' is missing", "blank is"],
        ),
        (
            rents, "Miete", {"sep": ";", "encoding": "latin-1"}, "Größe (m²)",
            ["read as cp1252", "'Größe (m²)': numbers, decimal commas", "'.' between thousands", "'Datum': dates"],
        ),
        (fraud, "fraud", {}, "kind", []),
    ],
)  # fmt: skip
def test_a_messy_table_goes_from_file_to_predictions_by_a_command_each(
    make: object, target: str, form: dict[str, str], missing: str, notes: list[str], workspace: Workspace
) -> None:
    new = make(workspace.folder / "t.csv")  # type: ignore[operator]
    new.drop(columns=target).to_csv(workspace.folder / "new.csv", index=False, **form)
    new.drop(columns=[target, missing]).to_csv(workspace.folder / "less.csv", index=False, **form)

    options = ["--target", target, "--trials", "2", "--epochs", "2", "--jobs", "1", "--pruner", "none"]
    swept = workspace.sweeps("run", "s", "--dataset", "t.csv", *options)
    assert swept.returncode == 0, swept.stderr
    assert [note for note in notes if note not in swept.stdout] == [], swept.stdout
    other = workspace.here("run", "s", "--dataset", "t.csv", *options, "--drop", missing)
    assert (other.returncode, "drop" in other.stderr) == (2, True), other.stderr

    exported = workspace.sweeps("export", "s")
    assert exported.returncode == 0, exported.stderr
    predicted = workspace.sweeps("predict", "--model", "exports/s", "new.csv", "--json")
    assert predicted.returncode == 0, predicted.stderr
    rows = json.loads(predicted.stdout)
    assert len(rows) >= 10
    if target == "Miete":
        assert all(0 < row["value"] < 5000 for row in rows)
    refused = workspace.sweeps("predict", "--model", "exports/s", "less.csv")
    assert refused.returncode == 2
    assert f"{missing!r} is not there" in refused.stderr
